import { messageOf, NetctlError } from '../../src/model/errors.js';
import type { NatChange } from '../../src/nat/diff.js';
import { countOperations, isEmptyChange } from '../../src/nat/diff.js';
import type { NatElement } from '../../src/nat/elements.js';
import { parseTable } from '../../src/nat/parse.js';
import { renderChanges, renderReplacement } from '../../src/nat/render.js';
import { tableName } from '../../src/nat/rules.js';
import { natFamilies } from '../../src/nat/state.js';
import type { FamilyState, NatFamily, NatState } from '../../src/nat/state.js';
import { parseTraffic } from '../../src/nat/traffic.js';
import type { ProviderTraffic } from '../../src/nat/traffic.js';
import { withCommandFile } from './command-file.js';
import { routerPath } from './netns.js';
import { sendBatch, type BatchRefusal } from './nfnetlink.js';
import { elementBatch, type BatchMessage } from './nft-batch.js';
import { rulesetGeneration } from './nftables-generation.js';
import type { Nftables } from './port.js';
import { runInRouter } from './router-command.js';
import type { CommandResult } from './router-command.js';

/** While a change is made nothing else is: so many elements take a few milliseconds. */
const mostElements = 2_000;

/** The tables of a router: elements are changed by netlink; all else is done by the program nft: text is written, JSON is read, see docs/decisions/nft-text-and-json.md. */
export class KernelNftables implements Nftables {
  /** @param namespaceOf the file that holds a tenant's router. */
  constructor(private readonly namespaceOf: (tenant: string) => string = routerPath) {}

  async read(tenant: string): Promise<NatState | 'missing' | 'foreign'> {
    const [ip, ip6] = await Promise.all([this.#readTable(tenant, 'ip'), this.#readTable(tenant, 'ip6')]);
    if (typeof ip === 'object' && typeof ip6 === 'object') return { ip, ip6 };
    return ip === 'missing' && ip6 === 'missing' ? 'missing' : 'foreign';
  }

  async replace(tenant: string, state: NatState): Promise<void> {
    await this.#load(tenant, renderReplacement(state));
  }

  async apply(tenant: string, change: NatChange): Promise<void> {
    if (isEmptyChange(change)) return;
    if (isOfElements(change)) await this.#changeElements(tenant, change);
    else await this.#load(tenant, renderChanges(change));
  }

  async generation(tenant: string): Promise<number> {
    return rulesetGeneration(this.namespaceOf(tenant));
  }

  async traffic(tenant: string): Promise<ProviderTraffic[]> {
    return (await Promise.all(natFamilies.map((family) => this.#familyTraffic(tenant, family)))).flat();
  }

  /** Not by one command for both: nft 1.0.6 does not find the first of several sets. */
  async #familyTraffic(tenant: string, family: NatFamily): Promise<ProviderTraffic[]> {
    const [legs, traffic] = await Promise.all([['map', 'legs'] as const, ['set', 'traffic'] as const].map((set) => this.#list(tenant, [set[0], family, tableName, set[1]])));
    return legs === undefined || traffic === undefined ? [] : parseTraffic(legs, traffic);
  }

  /** Only the one table is listed: nft has crashed on tables of others that a newer nft wrote. */
  async #readTable(tenant: string, family: NatFamily): Promise<FamilyState | 'missing' | 'foreign'> {
    const listing = await this.#list(tenant, ['table', family, tableName]);
    return listing === undefined ? 'missing' : parsed(tenant, family, listing);
  }

  /** Undefined if it does not exist. */
  async #list(tenant: string, what: readonly string[]): Promise<string | undefined> {
    const result = await this.#nft(tenant, ['--json', 'list', ...what]);
    if (result.exitCode === 0) return result.stdout;
    if (result.stderr.includes('No such file or directory')) return undefined;
    throw nftError(tenant, `list the ${what.join(' ')}`, result);
  }

  /** What nft reads as one file is one transaction. */
  async #load(tenant: string, commands: string): Promise<void> {
    const result = await withCommandFile(commands, (stdin) => this.#nft(tenant, ['--file', '-'], stdin));
    if (result.exitCode !== 0) throw nftError(tenant, 'change the tables', result);
  }

  async #changeElements(tenant: string, change: NatChange): Promise<void> {
    const { octets, messages } = elementBatch(change);
    const refusal = await sendBatch(this.namespaceOf(tenant), octets);
    if (refusal) throw batchError(tenant, refusal, messages[refusal.sequence - 1]);
  }

  #nft(tenant: string, args: readonly string[], stdin?: number): Promise<CommandResult> {
    return runInRouter(this.namespaceOf(tenant), 'nft', args, stdin);
  }
}

/** Neither makes nor deletes chains, and is done in a moment. */
function isOfElements(change: NatChange): boolean {
  return countOperations(change) <= mostElements && natFamilies.every((family) => change[family].chains.length + change[family].unused.length === 0);
}

function batchError(tenant: string, { errno }: BatchRefusal, message: BatchMessage | undefined): NetctlError {
  const what = message ? `${message.verb} ${counted(message.elements)} of the set ${message.family} ${message.set}` : 'change the tables';
  return new NetctlError('internal', `the kernel would not ${what} in the router of tenant ${tenant}: ${errno}`);
}

function counted(elements: readonly NatElement[]): string {
  const [first, ...others] = elements;
  return others.length === 0 ? `the element ${first?.key ?? ''}` : `${elements.length} elements`;
}

/** What is not JSON must not be taken for a table of somebody else's, which is replaced. */
function parsed(tenant: string, family: NatFamily, listing: string): FamilyState | 'foreign' {
  try {
    return parseTable(family, listing) ?? 'foreign';
  } catch (cause) {
    throw new NetctlError('internal', `nft listed the table ${family} ${tableName} in the router of tenant ${tenant}, but not as JSON: ${messageOf(cause)}`, { cause });
  }
}

function nftError(tenant: string, what: string, { exitCode, stderr }: CommandResult): NetctlError {
  const line = stderr.split('\n').find((candidate) => candidate.includes('Error:'));
  const reason = line?.replace(/^.*?Error:\s*/, '') ?? (stderr.split('\n')[0] || `exit code ${exitCode}`);
  return new NetctlError('internal', `nft could not ${what} in the router of tenant ${tenant}: ${reason}`, { cause: stderr });
}
