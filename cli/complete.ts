import { defaultTenant } from '../src/model/names.js';
import type { EndpointInspect, HostInspect, NetworkInspect, ServiceInspect, TenantInspect } from '../src/wire/objects.js';
import { ApiClient } from './client.js';
import { isSwitch, type Command, type Flag, type Flags, type Noun } from './command.js';
import { shells } from './completion.js';
import { containerName } from './container.js';
import { globalFlags } from './flags.js';
import { nouns } from './nouns.js';
import { summarizeAll, type Collection } from './paths.js';
import { chooseTarget } from './target.js';
import { withCertificates } from './certificates.js';

/** What may come next; `files`: a path of a file, which the shell knows better. */
export type Suggestions = readonly string[] | 'files';

/** Somebody waits with a finger on the key: an answer that takes longer, in milliseconds, is of no use. */
const patience = 1000;

/**
 * What the last word of a command line may become.
 * @param words those after `netctl`, the last one as far as it is written, and so perhaps empty. Bash makes a word of every `=`.
 */
export async function complete(words: readonly string[]): Promise<Suggestions> {
  const begun = words.at(-1) ?? '';
  const line = await readLine(words.slice(0, -1));
  if (line.awaits !== undefined) return matching(begun === '=' ? '' : begun, await valuesOf(line.awaits, line));
  if (!begun.startsWith('-')) return matching(begun, await wordsAfter(line));
  const [, dashes = '', name = '', text] = /^(--?)([^=]+)=(.*)$/.exec(begun) ?? [];
  if (text === undefined) return matching(begun, spareFlags(line));
  const values = await valuesOf(findFlag(line.flags, name)?.[0] ?? name, line);
  return values === 'files' ? values : matching(begun, values.map((value) => `${dashes}${name}=${value}`));
}

function matching(begun: string, suggestions: Suggestions): Suggestions {
  return suggestions === 'files' ? suggestions : [...new Set(suggestions)].filter((word) => word.startsWith(begun));
}

/** What the words before the last one say. */
interface Line {
  readonly noun: Noun | undefined;
  /** The commands of the noun, if one of them is still to be named. */
  readonly commands: readonly Command[];
  readonly command: Command | undefined;
  readonly names: readonly string[];
  readonly flags: Flags;
  readonly values: ReadonlyMap<string, string>;
  /** The flag whose value comes next. */
  readonly awaits: string | undefined;
}

async function readLine(words: readonly string[]): Promise<Line> {
  let line: Line = { noun: undefined, commands: [], command: undefined, names: [], flags: globalFlags, values: new Map(), awaits: undefined };
  for (const word of words) line = await readWord(line, word);
  return line;
}

async function readWord(line: Line, word: string): Promise<Line> {
  if (line.awaits !== undefined) return word === '=' ? line : { ...line, awaits: undefined, values: new Map(line.values).set(line.awaits, word) };
  if (word.startsWith('-')) return readFlag(line, word);
  if (line.command !== undefined) return { ...line, names: [...line.names, word] };
  if (line.noun !== undefined) return withCommand(line, line.commands.find((command) => isCalled(command, word)));
  const noun = nouns.find((candidate) => isCalled(candidate, word));
  const loaded = await noun?.load();
  if (loaded === undefined) return line;
  return isList(loaded) ? { ...line, noun, commands: loaded } : withCommand({ ...line, noun }, loaded);
}

function readFlag(line: Line, word: string): Line {
  const [, key = '', text] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const [name, flag] = findFlag(line.flags, key) ?? [key, undefined];
  const takesValue = flag !== undefined && !isSwitch(flag) && flag.bare === undefined;
  if (text === undefined && takesValue) return { ...line, awaits: name };
  return { ...line, values: new Map(line.values).set(name, text ?? '') };
}

function withCommand(line: Line, command: Command | undefined): Line {
  return command === undefined ? line : { ...line, command, commands: [], flags: { ...globalFlags, ...command.flags } };
}

function findFlag(flags: Flags, key: string): [string, Flag] | undefined {
  return Object.entries(flags).find(([name, flag]) => name === key || flag.aliases.includes(key));
}

const isCalled = ({ name, aliases = [] }: { readonly name: string; readonly aliases?: readonly string[] }, word: string): boolean => name === word || aliases.includes(word);

function isList(loaded: Command | readonly Command[]): loaded is readonly Command[] {
  return Array.isArray(loaded);
}

/** Those that were not given yet, or may be repeated. */
function spareFlags({ flags, values }: Line): string[] {
  return Object.entries(flags).filter(([name, { kind }]) => kind === 'list' || !values.has(name)).map(([name]) => `--${name}`);
}

async function wordsAfter(line: Line): Promise<Suggestions> {
  const { noun, command, commands, names } = line;
  if (noun === undefined) return nouns.map(({ name }) => name);
  if (command === undefined) return commands.map(({ name }) => name);
  const { label, count, then } = command.names ?? { count: 'none' };
  if (label === undefined || (count !== 'several' && count !== 'any' && names.length > 0)) return [];
  // What is to be made has no name yet that could be known.
  if (command.name === 'create' && label !== 'TENANT') return [];
  const known = await valuesOf(names.length > 0 ? (then ?? label) : label, line);
  return known === 'files' ? known : known.filter((name) => !names.includes(name));
}

/** What a flag may hold, or a name may be, by the flag's name or the label of the names. */
async function valuesOf(what: string, { values }: Line): Promise<Suggestions> {
  const tenant = values.has('all') ? undefined : (values.get('tenant') ?? defaultTenant);
  switch (what) {
    case 'SHELL':
      return shells;
    case 'FILE':
    case 'tls-ca':
    case 'tls-cert':
    case 'tls-key':
      return 'files';
    case 'TENANT':
    case 'tenant':
      return known<TenantInspect>('tenants', undefined, values, ({ Config }) => Config.tenantName);
    case 'NETWORK':
    case 'network':
      return known<NetworkInspect>('networks', tenant, values, ({ Config }) => Config.networkName);
    case 'SERVICE':
      return known<ServiceInspect>('serviceLBs', tenant, values, ({ Config }) => Config.serviceName);
    case 'HOST':
      return known<HostInspect>('hosts', undefined, values, ({ Oper }) => Oper.hostName);
    case 'CONTAINER':
      return known<EndpointInspect>('endpoints', tenant, values, ({ Oper }) => containerName(Oper));
    // A part of a name or an id, in any tenant.
    case 'TEXT':
      return known<EndpointInspect>('endpoints', undefined, values, ({ Oper }) => containerName(Oper));
    default:
      return [];
  }
}

/** The names that netctld knows, of one tenant or of all; none if it does not answer, for a line that is being written is no place for complaints. */
async function known<T>(collection: Collection, tenant: string | undefined, values: ReadonlyMap<string, string>, nameOf: (object: T) => string): Promise<readonly string[]> {
  try {
    const target = chooseTarget(values.get('host'), process.env);
    const certificates = { host: undefined, help: false, 'tls-ca': values.get('tls-ca'), 'tls-cert': values.get('tls-cert'), 'tls-key': values.get('tls-key') };
    const api = new ApiClient(await withCertificates(target, certificates, process.env), { read: patience, change: patience });
    return (await api.get<readonly T[]>(summarizeAll(collection, tenant))).map(nameOf).filter((name) => name !== '').sort();
  } catch {
    return [];
  }
}
