import { messageOf, NetctlError } from '../../src/model/errors.js';
import type { NatChange } from '../../src/nat/diff.js';
import { isEmptyChange } from '../../src/nat/diff.js';
import { parseTable } from '../../src/nat/parse.js';
import { renderChanges, renderReplacement } from '../../src/nat/render.js';
import { tableName } from '../../src/nat/rules.js';
import { natFamilies } from '../../src/nat/state.js';
import type { FamilyState, NatFamily, NatState } from '../../src/nat/state.js';
import { parseTraffic } from '../../src/nat/traffic.js';
import type { ProviderTraffic } from '../../src/nat/traffic.js';
import { withCommandFile } from './command-file.js';
import { routerPath } from './netns.js';
import { rulesetGeneration } from './nftables-generation.js';
import type { Nftables } from './port.js';
import { runInRouter } from './router-command.js';
import type { CommandResult } from './router-command.js';

/** The tables of a router, by the program nft: text is written, JSON is read, see docs/decisions/nft-text-and-json.md. */
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
    if (!isEmptyChange(change)) await this.#load(tenant, renderChanges(change));
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

  #nft(tenant: string, args: readonly string[], stdin?: number): Promise<CommandResult> {
    return runInRouter(this.namespaceOf(tenant), 'nft', args, stdin);
  }
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
