import { nextSubnet, type DefaultPool } from '../../src/ipam/default-pool.js';
import { dockerSubnet } from '../../src/ipam/docker-subnet.js';
import type { Family, Prefix } from '../../src/model/address.js';
import type { DockerPool } from '../../src/model/docker-pool.js';
import { conflict, notFound } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { defaultTenant } from '../../src/model/names.js';
import { subnetsOf } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Store } from '../store/port.js';
import type { Logger } from './logger.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { combine, transact, when, write, type Fragment } from './transact.js';
import type { Waiting } from './waiting.js';

/** How long a pool waits for another one of the same subnet to find its network, in milliseconds. */
const turnMs = 3000;

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly waiting: Waiting;
  readonly defaults: Readonly<Record<Family, DefaultPool>>;
  /** What else the host reaches: no subnet that nobody named lies there. */
  readonly hostRoutes: () => Promise<readonly Prefix[]>;
  readonly host: string;
  /** From asking for a pool to making its network Docker takes milliseconds; what is older than this was left by a crash. In milliseconds. */
  readonly reclaimMs: number;
  readonly now: () => number;
  readonly log: Logger;
}

/** The pools that Docker asked for by subnet, or for any, without saying for which network. */
export class DockerPools {
  constructor(private readonly parts: Parts) {}

  /**
   * A pool of this subnet, or of any that overlaps nothing that is known. Of the pools that no network has
   * taken yet no two have the same subnet: CreateNetwork names the subnet only, and must find its own. So the second waits for the first.
   */
  async open(request: { family: Family; subnet?: Prefix; range?: Prefix }): Promise<DockerPool> {
    const { subnet, range, family } = request;
    if (subnet) dockerSubnet({ prefix: subnet, ...(range && { range }) });
    const routes = subnet ? [] : await this.parts.hostRoutes();
    let opened: DockerPool | undefined;
    const end = this.parts.now() + turnMs;
    for (let first = true; !opened; first = false) {
      // Docker waits for the answer, with locks held.
      if (!first && this.parts.now() >= end) throw conflict(`other networks of subnet ${subnet?.toString() ?? ''} are just being made: try again in a moment`);
      const abandoned = subnet && (await this.awaitTurn(subnet, end - this.parts.now()));
      await transact(this.parts.store, () => {
        const prefix = subnet ?? nextSubnet(this.parts.defaults[family], [...routes, ...this.taken()]);
        const other = this.free(prefix);
        opened = undefined;
        if (other && other.value.id !== abandoned) return undefined;
        opened = this.newPool(prefix, range);
        const key = keys.pool(opened.host, opened.id);
        return combine(when({ key, is: 'absent' }), write({ key, put: encodeStored(opened) }), subnet ? write() : this.planChosen(), ...(other ? [this.planForget(other)] : []));
      });
    }
    return opened;
  }

  /** Writing tenant default, unchanged, makes two hosts that choose a subnet see each other: otherwise both would choose the same. */
  private planChosen(): Fragment {
    const { value, revision } = this.parts.state.requireTenant(defaultTenant);
    const key = keys.tenant(defaultTenant);
    return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored(value) }));
  }

  /** Waits until no pool of the subnet is without a network; answers the one that did not find its network in time. */
  private async awaitTurn(subnet: Prefix, ms: number): Promise<number | undefined> {
    const other = this.free(subnet)?.value.id;
    if (other === undefined) return undefined;
    const over = await this.parts.waiting.until(() => this.free(subnet)?.value.id !== other, ms);
    return over ? undefined : other;
  }

  private newPool(prefix: Prefix, range: Prefix | undefined): DockerPool {
    const { state, host, now } = this.parts;
    const id = Math.max(now(), 1 + Math.max(0, ...state.pools.of(host).map((pool) => pool.id)));
    return { id, host, prefix, ...(range && { range }), since: now() };
  }

  /**
   * Docker no longer holds it. Succeeds if there is none. If its network has no name yet, Docker gave that up: without an answer to
   * CreateNetwork, as when netctld was killed, it releases the pools and does not call DeleteNetwork.
   */
  async close(id: number): Promise<void> {
    const { store, state, host } = this.parts;
    await transact(store, () => {
      const pool = this.find(id);
      const dockerNetworkId = pool?.value.dockerNetworkId;
      const key = dockerNetworkId === undefined ? undefined : keys.unnamedNetwork(host, dockerNetworkId);
      const givenUp = key !== undefined && state.unnamed.get(key) !== undefined;
      return pool && combine(this.planForget(pool), ...(givenUp ? [write({ key, delete: true })] : []));
    });
  }

  /** @throws NetctlError `not-found`. */
  require(id: number): DockerPool {
    const pool = this.find(id);
    if (!pool) throw notFound(`the address pool ${poolText(id)} is not known to netctl: remove the Docker network that has it, and create it again`);
    return pool.value;
  }

  /**
   * The network takes the pool of this subnet, which no other has taken.
   * @throws NetctlError `conflict` if there is none.
   */
  planTake(prefix: Prefix, dockerNetworkId: string): { pool: DockerPool; fragment: Fragment } {
    const free = this.free(prefix);
    if (!free) throw conflict(`the address pool of subnet ${prefix.toString()} was released before its network was made: create the network again`);
    const key = keys.pool(free.value.host, free.value.id);
    const put = encodeStored({ ...free.value, dockerNetworkId });
    return { pool: free.value, fragment: combine(when({ key, is: 'at', revision: free.revision }), write({ key, put })) };
  }

  /** Forgets pools that were asked for and never used, and those whose Docker network is gone. */
  async collect(): Promise<void> {
    const { store, state, host, reclaimMs, now, log } = this.parts;
    const hasNetwork = (id: string): boolean => state.bindings.get(keys.binding(host, id)) !== undefined || state.unnamed.get(keys.unnamedNetwork(host, id)) !== undefined;
    const isStale = ({ since, dockerNetworkId }: DockerPool): boolean => since < now() - reclaimMs && (dockerNetworkId === undefined || !hasNetwork(dockerNetworkId));
    for (const { id, prefix } of state.pools.of(host).filter(isStale)) {
      const forgotten = await transact(store, () => {
        const pool = this.find(id);
        return pool && isStale(pool.value) ? this.planForget(pool) : undefined;
      });
      if (forgotten) log.warn({ event: 'pool-reclaimed', pool: id, subnet: prefix }, 'Docker asked for this address pool and has no network of it; it is forgotten');
    }
  }

  private planForget({ value: { host, id }, revision }: Stored<DockerPool>): Fragment {
    const key = keys.pool(host, id);
    return combine(when({ key, is: 'at', revision }), write({ key, delete: true }));
  }

  /** All subnets that somebody has or is about to have, in any tenant: for whose network it is, Docker has not said. */
  private taken(): Prefix[] {
    const { state } = this.parts;
    const networks = [...state.networks.values(), ...state.unnamed.values()].flatMap((network) => subnetsOf(network).map(({ prefix }) => prefix));
    return [...networks, ...state.pools.values().map(({ prefix }) => prefix)];
  }

  private free(prefix: Prefix): Stored<DockerPool> | undefined {
    const { state, host } = this.parts;
    const pool = state.pools.of(host).find((candidate) => candidate.dockerNetworkId === undefined && candidate.prefix.equals(prefix));
    return pool && this.find(pool.id);
  }

  private find(id: number): Stored<DockerPool> | undefined {
    return this.parts.state.pools.get(keys.pool(this.parts.host, id));
  }
}

/** The id under which Docker knows the pool. */
export function poolText(id: number): string {
  return `pool/${id}`;
}

/** The pool's number, if the text is such an id. */
export function parsePoolText(text: string): number | undefined {
  const digits = /^pool\/(\d{1,15})$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
