import type { Endpoint } from '../../src/model/endpoint.js';
import { keys } from '../../src/model/keys.js';
import type { Leftover } from '../../src/model/network.js';
import type { DockerEngine } from '../docker/port.js';
import type { Store } from '../store/port.js';
import type { Addresses } from './addresses.js';
import type { Containers } from './containers.js';
import type { DeletionMarks } from './deletion-marks.js';
import type { Drains } from './drains.js';
import type { Logger } from './logger.js';
import type { State } from './state.js';
import { combine, transact, when, write } from './transact.js';

/** Addresses forgotten in one transaction: etcd takes no more than 128 operations at once unless it is told to. */
const mostAtOnce = 100;

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly containers: Containers;
  readonly docker: Pick<DockerEngine, 'listEndpoints'>;
  readonly addresses: Addresses;
  readonly forgetEndpoint: (id: string) => Promise<void>;
  readonly drains: Drains;
  readonly marks: DeletionMarks;
  readonly host: string;
  /**
   * How long Docker may take from asking for an address to creating its endpoint, and how long an
   * endpoint may be without a container, in milliseconds. Both follow each other within a second when
   * Docker is well; what is older was left by a Docker that crashed in between.
   */
  readonly reclaimMs: number;
  readonly now: () => number;
  readonly log: Logger;
}

/** Takes back what crashes left behind, and forgets addresses that have rested and drained containers that are gone. */
export class Garbage {
  /** Since when an endpoint has had no container, milliseconds since the epoch. */
  private readonly orphanedSince = new Map<string, number>();

  constructor(private readonly parts: Parts) {}

  async collect(): Promise<void> {
    await this.parts.marks.takeBackAbandoned();
    await this.forgetRested();
    await this.releaseRequests();
    await this.forgetOrphans();
    await this.forgetLeftovers();
    await this.parts.drains.forgetGone();
  }

  private async forgetRested(): Promise<void> {
    const { store, addresses } = this.parts;
    let more = true;
    while (more) more = await transact(store, () => combine(...addresses.rested().slice(0, mostAtOnce).map((rested) => addresses.forget(rested))));
  }

  private async releaseRequests(): Promise<void> {
    const { store, state, addresses, host, reclaimMs, now, log } = this.parts;
    const stale = state.allocations.values().filter(({ value: { owner, since } }) => owner.kind === 'request' && owner.host === host && since < now() - reclaimMs);
    for (const { value } of stale) {
      const { tenant, network, address, since } = value;
      const released = await transact(store, () => {
        const held = state.allocationOf(tenant, network, address)?.value;
        return held?.owner.kind === 'request' && held.since === since ? addresses.release(tenant, network, address) : undefined;
      });
      if (released) log.warn({ event: 'address-reclaimed', tenant, network, address }, 'Docker asked for this address and never used it; it is released');
    }
  }

  /** What is left on a host that was removed is nobody's business any more. */
  private async forgetLeftovers(): Promise<void> {
    const { store, state } = this.parts;
    const isNobodys = ({ host }: Leftover): boolean => state.hosts.get(keys.host(host)) === undefined;
    for (const { host, dockerNetworkId } of state.leftovers.values().filter(isNobodys)) {
      const key = keys.leftover(host, dockerNetworkId);
      await transact(store, () => {
        const held = state.leftovers.get(key);
        return held && isNobodys(held.value) ? combine(when({ key, is: 'at', revision: held.revision }), write({ key, delete: true })) : undefined;
      });
    }
  }

  /**
   * Only while Docker answers, and only what Docker itself says it does not have: a container that is
   * not listed might just not be listed yet.
   */
  private async forgetOrphans(): Promise<void> {
    const { containers, log, forgetEndpoint } = this.parts;
    if (!containers.areCurrent) return;
    for (const { id, tenant, network } of this.longOrphaned()) {
      if (await this.isInDocker(tenant, network, id)) continue;
      log.warn({ event: 'endpoint-reclaimed', endpoint: id, tenant, network }, 'Docker no longer knows this endpoint; it is released');
      await forgetEndpoint(id);
    }
  }

  private longOrphaned(): Endpoint[] {
    const { state, containers, host, reclaimMs, now } = this.parts;
    const orphans = state.endpoints.values().filter((endpoint) => endpoint.host === host && !containers.ofEndpoint(endpoint.id));
    const ids = new Set(orphans.map((endpoint) => endpoint.id));
    for (const id of this.orphanedSince.keys()) if (!ids.has(id)) this.orphanedSince.delete(id);
    for (const id of ids) if (!this.orphanedSince.has(id)) this.orphanedSince.set(id, now());
    return orphans.filter(({ id }) => (this.orphanedSince.get(id) ?? now()) <= now() - reclaimMs);
  }

  private async isInDocker(tenant: string, network: string, endpointId: string): Promise<boolean> {
    const { state, docker, host } = this.parts;
    const binding = state.bindingOf(host, tenant, network);
    return binding !== undefined && (await docker.listEndpoints(binding.dockerNetworkId)).includes(endpointId);
  }
}
