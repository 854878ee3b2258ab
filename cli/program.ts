import yargs, { type Argv } from 'yargs';
import { type Call, checkCall, type CheckedValues, checkFlags, type Parsed, withBareValues } from './arguments.js';
import { isSwitch, type Command, type Flag, type Flags, type Noun } from './command.js';
import { usageError } from './failure.js';
import { globalFlags } from './flags.js';
import { nouns } from './nouns.js';
import { didYouMean } from './suggestion.js';

declare module 'yargs' {
  // yargs 18 has it; its types, written for 17, do not.
  interface Argv {
    usageConfiguration(configuration: { 'hide-types': boolean }): this;
  }
}

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'run'; readonly command: Command; readonly names: readonly string[]; readonly values: CheckedValues }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };

const rootFlags = {
  ...globalFlags,
  version: { kind: 'switch', aliases: ['v'], describe: 'Show the version of netctl' },
} as const satisfies Flags;

/**
 * Reads a command line (without node and the script).
 * @throws Failure `usage`.
 */
export async function readCommandLine(given: readonly string[]): Promise<Request> {
  const words = withoutHelpCommand(given);
  const loaded = await loadMentioned(words);
  return new Program(words, loaded).read();
}

type Loaded = ReadonlyMap<Noun, Command | readonly Command[]>;

async function loadMentioned(words: readonly string[]): Promise<Loaded> {
  const mentioned = nouns.filter((noun) => spellings(noun).some((name) => words.includes(name)));
  return new Map(await Promise.all(mentioned.map(async (noun) => [noun, await noun.load()] as const)));
}

/**
 * `netctl help net create` is `netctl net create --help`. It is done here, because the help command of yargs also takes
 * a *name* `help` for itself: `netctl tenant create help` would print help.
 */
function withoutHelpCommand(words: readonly string[]): readonly string[] {
  return words[0] === 'help' ? [...words.slice(1), '--help'] : words;
}

/**
 * yargs splits the line into commands, flags and words, and lays out help. It validates nothing: that is
 * done in arguments.ts, with sentences of its own. Its handlers only note what was asked for, so that no command runs
 * inside the parser.
 */
class Program {
  private request: Request | undefined;
  private readonly words: readonly string[];

  constructor(
    words: readonly string[],
    private readonly loaded: Loaded,
  ) {
    const commands = [...loaded.values()].flat() as readonly Command[];
    this.words = withBareValues(words, commands.map(({ flags }) => flags));
  }

  read(): Request {
    const parser = this.rootParser();
    const parsed = parser.parseSync() as Parsed;
    return this.request ?? this.readRoot(parser, parsed);
  }

  private rootParser(): Argv {
    const parser = yargs([...this.words])
      .scriptName('netctl')
      // Messages of yargs in the user's language would be mixed with netctl's own English.
      .locale('en')
      .exitProcess(false)
      .help(false)
      .version(false)
      .parserConfiguration({
        // Contiv writes `-ip 100.1.1.9`: one dash does not mean several flags of one letter.
        'short-option-groups': false,
        'boolean-negation': false,
        'camel-case-expansion': false,
        'dot-notation': false,
        'parse-numbers': false,
        'parse-positional-numbers': false,
      })
      .wrap(Math.min(process.stdout.columns || helpWidth, helpWidth))
      .usageConfiguration({ 'hide-types': true })
      .fail((message: string | null, error: Error | undefined) => {
        throw error === undefined || error.name === 'YError' ? usageError(message ?? 'the command line cannot be read') : error;
      });
    parser.usage('netctl COMMAND [FLAGS] [NAMES]\n\nNetworks and services for the containers of Docker hosts.');
    addFlags(parser, { version: rootFlags.version }, 'Flags:');
    addFlags(parser, globalFlags, 'Flags of every command:', true);
    for (const noun of nouns) this.addNoun(parser, noun);
    return parser.epilog('Flags take one dash or two, and stand before or after names. "netctl COMMAND --help" tells more.');
  }

  private addNoun(parser: Argv, noun: Noun): void {
    const commands = this.loaded.get(noun) ?? [];
    if (!isList(commands)) return this.addCommand(parser, commands, `netctl ${noun.name}`, 1);
    const build = (inner: Argv): Argv => {
      inner.usage(`netctl ${noun.name} COMMAND [FLAGS] [NAMES]\n\n${noun.summary}.`);
      for (const command of commands) this.addCommand(inner, command, `netctl ${noun.name} ${command.name}`, 2);
      return inner.epilog(`"netctl ${noun.name} COMMAND --help" tells more.`);
    };
    parser.command([noun.name, ...noun.aliases], noun.summary, build, (parsed) => {
      this.request ??= this.readNoun(parser, noun, commands, parsed);
    });
  }

  private addCommand(parser: Argv, command: Command, title: string, depth: number): void {
    const build = (inner: Argv): Argv => {
      inner.usage(`${usageLine(title, command)}\n\n${command.summary}.${command.details === undefined ? '' : ` ${command.details}`}`);
      addFlags(inner, command.flags, 'Flags:');
      for (const example of command.examples) inner.example(example, '');
      return inner;
    };
    parser.command([command.name, ...(command.aliases ?? [])], command.summary, build, (parsed) => {
      this.request ??= this.readCommand(parser, { title, command, depth }, parsed);
    });
  }

  private readRoot(parser: Argv, parsed: Parsed): Request {
    const [word] = parsed._;
    if (word !== undefined) throw contivOnly.includes(String(word)) ? notHere(String(word)) : unknownCommand('netctl', String(word), nouns.flatMap(spellings));
    checkFlags({ title: 'netctl', parsed, words: this.words }, rootFlags);
    return parsed['version'] === true ? { kind: 'version' } : helpOf(parser);
  }

  private readNoun(parser: Argv, noun: Noun, commands: readonly Command[], parsed: Parsed): Request {
    const title = `netctl ${noun.name}`;
    const word = parsed._[1];
    if (word !== undefined) throw unknownCommand(title, String(word), commands.flatMap(spellings));
    checkFlags({ title, parsed, words: this.words }, globalFlags);
    return helpOf(parser);
  }

  private readCommand(parser: Argv, called: { title: string; command: Command; depth: number }, parsed: Parsed): Request {
    if (parsed['help'] === true) return helpOf(parser);
    const { title, command, depth } = called;
    const call: Call = { title, command, parsed, names: parsed._.slice(depth).map(String), words: this.words };
    return { kind: 'run', command, names: call.names, values: checkCall(call) };
  }
}

/** What Contiv's netctl has besides. Its users should not look for a slip of the pen. */
const contivOnly: readonly string[] = ['login', 'group', 'policy', 'netprofile', 'global', 'bgp', 'app-profile', 'external-contracts', 'aci-gw'];

function notHere(word: string): Error {
  return usageError(`"netctl ${word}" is a command of Contiv's that this netctl does not have`, 'netctl');
}

/** In columns; a wider terminal does not make help easier to read. */
const helpWidth = 110;

function addFlags(parser: Argv, flags: Flags, group: string, global = false): void {
  for (const [name, flag] of Object.entries<Flag>(flags)) {
    const shape = isSwitch(flag) ? { type: 'boolean' as const } : { type: 'string' as const };
    const required = flag.required ? ' (required)' : '';
    const otherwise = flag.default === undefined ? '' : ` [default: "${flag.default}"]`;
    parser.option(name, { alias: [...flag.aliases], describe: `${flag.describe}${required}${otherwise}`, group, global, ...shape });
  }
}

/** `netctl network create [FLAGS] NETWORK`. */
export function usageLine(title: string, { names }: Command): string {
  if (names === undefined) return `${title} [FLAGS]`;
  const { label, count, then, maybe } = names;
  const shown = { one: maybe === undefined ? label : `${label} [${maybe}]`, several: then === undefined ? `${label}...` : `${label} ${then}...`, any: `[${label}...]`, optional: `[${label}]` };
  return `${title} [FLAGS] ${shown[count]}`;
}

function helpOf(parser: Argv): Request {
  let text = '';
  parser.showHelp((help) => {
    text = help;
  });
  return { kind: 'help', text };
}

function unknownCommand(title: string, word: string, known: readonly string[]): Error {
  return usageError(`"${title}" has no command "${word}"${didYouMean(word, known)}`, title);
}

function spellings(named: { readonly name: string; readonly aliases?: readonly string[] }): string[] {
  return [named.name, ...(named.aliases ?? [])];
}

function isList(commands: Command | readonly Command[]): commands is readonly Command[] {
  return Array.isArray(commands);
}
