import { isSwitch, type AnyValues, type Command, type Flag, type Flags, type Values } from './command.js';
import { usageError } from './failure.js';
import { globalFlags } from './flags.js';
import { didYouMean } from './suggestion.js';

/** What yargs made of the command line: a value for every spelling of each flag, words without a flag in `_`. */
export type Parsed = Readonly<Record<string, unknown>> & { readonly _: readonly (string | number)[] };

/** The value of each flag, by its long name, as the command's `Values` type has it. */
export type CheckedValues = AnyValues & Values<typeof globalFlags>;

/** A command and how it was called, before its arguments are checked. */
export interface Call {
  /** As the user should spell it: `netctl network create`. */
  readonly title: string;
  readonly command: Command;
  readonly parsed: Parsed;
  /** The words after the command's own. */
  readonly names: readonly string[];
  /** The command line as it was given, to quote from. */
  readonly words: readonly string[];
}

/**
 * The value of each flag.
 * @throws Failure `usage` if the command line holds too few or too many names, or a flag that is unknown, missing,
 *   given twice, of the wrong kind, or at odds with another. What needs to know any state is left to netctld.
 */
export function checkCall(call: Call): CheckedValues {
  const flags: Flags = { ...globalFlags, ...call.command.flags };
  checkFlags(call, flags);
  const values: Record<string, AnyValues[string]> = {};
  for (const [name, flag] of Object.entries<Flag>(flags)) values[name] = flagValue(call, name, flag);
  refuseExclusions(call, flags, values);
  checkNames(call);
  return values as CheckedValues;
}

/** @throws Failure `usage` for the first flag that the command does not have, or that lacks its value. */
export function checkFlags({ title, parsed, words }: Pick<Call, 'title' | 'parsed' | 'words'>, flags: Flags): void {
  const known = Object.entries(flags).flatMap(([name, flag]) => [name, ...flag.aliases]);
  const unknown = Object.keys(parsed).find((key) => key !== '_' && key !== '$0' && !known.includes(key));
  if (unknown !== undefined) {
    throw usageError(`"${title}" has no flag "${asGiven(unknown, words)}"${apart(unknown, flags) ?? didYouMean(unknown, known, spell)}`, title);
  }
  const bare = bareFlag(words, flags);
  if (bare !== undefined) throw usageError(`the flag "${bare}" needs a value`, title);
}

/** `-aq`, as `docker ps` takes it: one dash may begin a whole word here, so that letters cannot be joined. */
function apart(word: string, flags: Flags): string | undefined {
  const switches = Object.values(flags).flatMap((flag) => (isSwitch(flag) ? flag.aliases : []));
  const letters = [...word];
  return letters.length > 1 && letters.every((letter) => switches.includes(letter)) ? `: write "${letters.map(spell).join(' ')}"` : undefined;
}

/** yargs reads a flag without its value as one with an empty value, which `--selector=` may mean but `--selector` cannot. */
function bareFlag(words: readonly string[], flags: Flags): string | undefined {
  const valued = Object.entries(flags).filter(([, flag]) => !isSwitch(flag));
  const dashed = valued.flatMap(([name, flag]) => [name, ...flag.aliases].flatMap((key) => [`-${key}`, `--${key}`]));
  const end = words.indexOf('--');
  const before = end === -1 ? words : words.slice(0, end);
  return before.find((word, at) => dashed.includes(word) && /^-(?!\d)/.test(before[at + 1] ?? '-'));
}

function flagValue(call: Call, name: string, flag: Flag): AnyValues[string] {
  const given = call.parsed[name];
  // yargs makes a list of what is given more than once, and of nothing else.
  const values = given === undefined ? [] : ([given].flat() as string[]);
  if (isSwitch(flag)) return switchValue(call, name, flag);
  if (flag.required && values.length === 0) {
    throw usageError(`${call.title} needs ${spellAll(name, flag)}: ${lowerFirst(flag.describe)}`, call.title);
  }
  if (flag.kind === 'list') return values;
  if (values.length > 1) throw usageError(`${spellAll(name, flag)} is given ${values.length} times: give it once`, call.title);
  return values.length === 0 ? flag.default : values[0];
}

function switchValue(call: Call, name: string, flag: Flag): boolean | undefined {
  // yargs takes every text but "true" as false: `--json=yes` must not be read as its opposite.
  const spellings = [name, ...flag.aliases].flatMap((spelling) => [`-${spelling}=`, `--${spelling}=`]);
  const wrong = call.words.find((word) => spellings.some((start) => word.startsWith(start)) && !/=(true|false)$/.test(word));
  const instead = flag.kind === 'setting' ? `${spell(name)} or ${spell(name)}=false` : `${spell(name)} alone`;
  if (wrong !== undefined) throw usageError(`"${wrong}" is neither true nor false: write ${instead}`, call.title);
  const given = call.parsed[name];
  return flag.kind === 'setting' ? (given as boolean | undefined) : given === true;
}

function refuseExclusions(call: Call, flags: Flags, values: AnyValues): void {
  for (const [name, flag] of Object.entries<Flag>(flags)) {
    const other = flag.excludes;
    const otherFlag = other === undefined ? undefined : flags[other];
    if (other === undefined || otherFlag === undefined || !values[name] || !values[other]) continue;
    throw usageError(`${spellAll(name, flag)} and ${spellAll(other, otherFlag)} exclude each other: give one of them`, call.title);
  }
}

function checkNames({ title, command, names }: Call): void {
  const { label = '', count = 'none', then, maybe } = command.names ?? {};
  const most = { none: 0, optional: 1, one: maybe === undefined ? 1 : 2, several: Infinity, any: Infinity }[count];
  if (names.length > most) {
    const extra = names.map((name) => `"${name}"`).join(', ');
    const taken = most === 0 ? 'no name' : `one ${label}${maybe === undefined ? '' : ` and one ${maybe}`}`;
    throw usageError(`${title} takes ${taken}, but got ${extra}`, title);
  }
  if (then !== undefined && names.length < 2) throw usageError(`${title} needs a ${label} and at least one ${then}`, title);
  if ((count === 'one' || count === 'several') && names.length === 0) throw usageError(`${title} needs a ${label}`, title);
  // An empty name would ask the API for the whole list instead.
  const empty = names.indexOf('');
  if (empty !== -1) throw usageError(`${title} got an empty name as ${empty > 0 && then !== undefined ? then : label}`, title);
}

/**
 * The words, with each flag that may stand without a value joined to the one that it then has: `--watch web` watches
 * web, where yargs would take `web` for the flag's value.
 */
export function withBareValues(words: readonly string[], flags: readonly Flags[]): readonly string[] {
  const given = flags.flatMap((some) => Object.entries<Flag>(some)).filter(([, flag]) => flag.bare !== undefined);
  const bare = new Map(given.flatMap(([name, flag]) => [`--${name}`, `-${name}`].map((word) => [word, flag.bare] as const)));
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  return words.map((word, at) => {
    const value = at < end ? bare.get(word) : undefined;
    return value === undefined || /^\d/.test(words[at + 1] ?? '') ? word : `${word}=${value}`;
  });
}

function spell(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** `--subnet (-s)`; Contiv's short forms of two letters take one dash. */
function spellAll(name: string, flag: Flag): string {
  const [short] = flag.aliases;
  return short === undefined ? spell(name) : `${spell(name)} (-${short})`;
}

function asGiven(key: string, words: readonly string[]): string {
  const word = words.find((candidate) => /^--?[^-]/.test(candidate) && candidate.replace(/^--?/, '').split('=')[0] === key);
  return word?.split('=')[0] ?? spell(key);
}

/** As the sentence goes on; a word in capitals stays one. */
function lowerFirst(text: string): string {
  return /^[A-Z](?![A-Z])/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
