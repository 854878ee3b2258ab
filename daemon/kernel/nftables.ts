import { NetctlError } from '../../src/model/errors.js';
import type { NatChange } from '../../src/nat/diff.js';
import { isEmptyChange } from '../../src/nat/diff.js';
import type { NatElement } from '../../src/nat/elements.js';
import { renderChanges, renderReplacement } from '../../src/nat/render.js';
import { natFamilies } from '../../src/nat/state.js';
import type { NatState } from '../../src/nat/state.js';
import type { ProviderTraffic } from '../../src/nat/traffic.js';
import { withCommandFile } from './command-file.js';
import { routerPath } from './netns.js';
import { NfnetlinkSockets } from './nfnetlink-sockets.js';
import { sendBatch, type BatchRefusal } from './nfnetlink.js';
import { elementBatch, type Batch, type BatchMessage } from './nft-batch.js';
import { readTables, readTraffic } from './nft-tables.js';
import { generationBy } from './nftables-generation.js';
import type { Nftables } from './port.js';
import { runInRouter } from './router-command.js';
import type { CommandResult } from './router-command.js';

/** The tables of a router: they are read, and elements are changed, by netlink; all else is done by the program nft, see docs/decisions/elements-by-netlink.md. */
export class KernelNftables implements Nftables {
  readonly #prepared = new WeakMap<NatChange, Batch>();

  /**
   * @param namespaceOf the file that holds a tenant's router.
   * @param lookUpFrom that many elements are looked up one by one, where it is known which there are: a list would take longer.
   */
  constructor(
    private readonly namespaceOf: (tenant: string) => string = routerPath,
    private readonly lookUpFrom = 50_000,
    private readonly sockets = new NfnetlinkSockets(),
  ) {}

  async read(tenant: string): Promise<NatState | 'missing' | 'foreign'> {
    return readTables(this.namespaceOf(tenant), this.lookUpFrom);
  }

  async replace(tenant: string, state: NatState): Promise<void> {
    await this.#load(tenant, renderReplacement(state));
  }

  prepare(change: NatChange): void {
    if (isOfElements(change)) this.#prepared.set(change, elementBatch(change));
  }

  async apply(tenant: string, change: NatChange): Promise<void> {
    if (isEmptyChange(change)) return;
    if (isOfElements(change)) await this.#changeElements(tenant, change);
    else await this.#load(tenant, renderChanges(change));
  }

  generation(tenant: string): Promise<number> {
    return this.sockets.use(this.namespaceOf(tenant), generationBy);
  }

  async traffic(tenant: string): Promise<ProviderTraffic[]> {
    return readTraffic(this.namespaceOf(tenant), this.lookUpFrom);
  }

  /** What nft reads as one file is one transaction. */
  async #load(tenant: string, commands: string): Promise<void> {
    const result = await withCommandFile(commands, (stdin) => this.#nft(tenant, ['--file', '-'], stdin));
    if (result.exitCode !== 0) throw nftError(tenant, 'change the tables', result);
  }

  async #changeElements(tenant: string, change: NatChange): Promise<void> {
    const { octets, messages } = this.#prepared.get(change) ?? elementBatch(change);
    this.#prepared.delete(change);
    const refusal = await this.sockets.use(this.namespaceOf(tenant), (socket) => sendBatch(socket, octets));
    if (refusal) throw batchError(tenant, refusal, messages[refusal.sequence - 1]);
  }

  #nft(tenant: string, args: readonly string[], stdin?: number): Promise<CommandResult> {
    return runInRouter(this.namespaceOf(tenant), 'nft', args, stdin);
  }
}

/** Neither makes nor deletes chains. */
function isOfElements(change: NatChange): boolean {
  return natFamilies.every((family) => change[family].chains.length + change[family].unused.length === 0);
}

function batchError(tenant: string, { errno }: BatchRefusal, message: BatchMessage | undefined): NetctlError {
  const what = message ? `${message.verb} ${counted(message.elements)} of the set ${message.family} ${message.set}` : 'change the tables';
  return new NetctlError('internal', `the kernel would not ${what} in the router of tenant ${tenant}: ${errno}`);
}

function counted(elements: readonly NatElement[]): string {
  const [first, ...others] = elements;
  return others.length === 0 ? `the element ${first?.key ?? ''}` : `${elements.length} elements`;
}

function nftError(tenant: string, what: string, { exitCode, stderr }: CommandResult): NetctlError {
  const line = stderr.split('\n').find((candidate) => candidate.includes('Error:'));
  const reason = line?.replace(/^.*?Error:\s*/, '') ?? (stderr.split('\n')[0] || `exit code ${exitCode}`);
  return new NetctlError('internal', `nft could not ${what} in the router of tenant ${tenant}: ${reason}`, { cause: stderr });
}
