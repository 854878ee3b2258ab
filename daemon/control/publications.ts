import { setTimeout } from 'node:timers/promises';
import type { PortRequest, PublicationPort } from '../../plugin/ports.js';
import { assignRouterPorts, familiesOf, hostAddresses, publishableFamilies, publishedProtocol, satisfies, type WantedPort } from '../../src/host/publish.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { invalid, messageOf, NetctlError, notFound } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { Network } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { HeldPort, HostPorts } from '../kernel/port.js';
import type { Store } from '../store/port.js';
import type { Containers } from './containers.js';
import { HeldPorts } from './held-ports.js';
import type { Logger } from './logger.js';
import type { State } from './state.js';
import { combine, transact, when, write } from './transact.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly containers: Pick<Containers, 'ofEndpoint' | 'areKnown'>;
  readonly hostPorts: HostPorts;
  readonly host: string;
  readonly log: Logger;
  /** Resolves when a port of the tenant that is published now is reached, or with the reason why it is not. */
  readonly carryOut: (tenant: string) => Promise<string | undefined>;
  /** A port that was published is not this host's to give any more. */
  readonly lost: (endpoint: Endpoint, reason: string) => void;
}

/** How long Docker is left waiting for the kernel, in milliseconds: its call ends after 8 s. */
const patience = 6000;

/**
 * The ports of containers that are published on this host. What is published stands in the store; the sockets that hold
 * the ports follow it.
 */
export class Publications implements PublicationPort {
  private readonly ports: HeldPorts;
  /** The endpoints whose ports are held and not stored yet. */
  private readonly claiming = new Map<string, number>();
  /** Why ports of an endpoint are not held, by its id. */
  private readonly lost = new Map<string, string>();

  constructor(private readonly parts: Parts) {
    this.ports = new HeldPorts(parts.hostPorts, (id) => this.nameOf(id));
  }

  /** Holds what was published before this process began, and from now on gives back what is not published any more. */
  start(): void {
    this.verify();
    this.parts.state.onChange(() => this.giveBack());
  }

  /** Holds what is published and not held, which another program may have had for a while. */
  verify(): void {
    const published = this.parts.state.endpoints.values().filter((endpoint) => endpoint.host === this.parts.host && endpoint.publications);
    for (const endpoint of published) this.holdAgain(endpoint);
    this.giveBack();
  }

  stop(): void {
    this.ports.releaseAll();
  }

  /** Why not all of the endpoint's published ports are this host's to give. */
  errorOf(endpointId: string): string | undefined {
    return this.lost.get(endpointId);
  }

  async publish({ endpointId, ports }: { endpointId: string; ports: readonly PortRequest[] }): Promise<void> {
    if (ports.length === 0) return this.revoke(endpointId);
    const { endpoint, network } = this.lookUp(endpointId);
    const wanted = ports.map((request) => wantedPort(request, endpoint, network));
    await this.hold(endpoint, wanted);
    const reason = await this.carriedOut(endpoint.tenant);
    if (reason === undefined) return;
    await this.forget(endpointId);
    throw new NetctlError('internal', `the ports of the container could not be published: ${reason}`);
  }

  async revoke(endpointId: string): Promise<void> {
    const tenant = this.parts.state.endpoints.get(keys.endpoint(endpointId))?.value.tenant;
    if (tenant === undefined || !(await this.forget(endpointId))) return;
    // What could not be done is tried again; the container goes in any case.
    await this.carriedOut(tenant);
  }

  private async hold(endpoint: Endpoint, wanted: readonly WantedPort[]): Promise<void> {
    if (satisfies(endpoint.publications ?? [], wanted)) return;
    const { id } = endpoint;
    this.claiming.set(id, (this.claiming.get(id) ?? 0) + 1);
    try {
      const hostPorts = this.ports.claim(id, wanted);
      await this.store(id, wanted, hostPorts);
    } finally {
      const others = (this.claiming.get(id) ?? 1) - 1;
      if (others > 0) this.claiming.set(id, others);
      else this.claiming.delete(id);
      this.giveBack();
    }
  }

  /** Docker may have called twice at the same time: what the first call chose stays. */
  private async store(id: string, wanted: readonly WantedPort[], hostPorts: readonly number[]): Promise<void> {
    const { state, host } = this.parts;
    const key = keys.endpoint(id);
    await transact(this.parts.store, () => {
      const stored = state.endpoints.get(key);
      if (!stored) throw unknown(id);
      const { value: endpoint, revision } = stored;
      if (satisfies(endpoint.publications ?? [], wanted)) return undefined;
      const others = state.endpoints.of(endpoint.tenant).filter((other) => other.host === host && other.id !== id);
      const chosen = wanted.map(({ protocol, port, hostIp }, index) => ({ protocol, port, ...(hostIp ? { hostIp } : {}), hostPort: hostPorts[index] ?? 0 }));
      const publications = assignRouterPorts(chosen, others.flatMap((other) => other.publications ?? []));
      return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored({ ...endpoint, publications }) }));
    });
  }

  /** Whether there was anything to forget. */
  private forget(id: string): Promise<boolean> {
    const { store, state } = this.parts;
    const key = keys.endpoint(id);
    return transact(store, () => {
      const stored = state.endpoints.get(key);
      if (!stored?.value.publications) return undefined;
      const { publications: _, ...endpoint } = stored.value;
      return combine(when({ key, is: 'at', revision: stored.revision }), write({ key, put: encodeStored(endpoint) }));
    });
  }

  /** Undefined: the ports are reached, as far as this host is concerned. Otherwise why not. */
  private async carriedOut(tenant: string): Promise<string | undefined> {
    const over = new AbortController();
    const late = setTimeout(patience, `the kernel was not ready within ${patience / 1000} s`, { signal: over.signal }).catch(() => undefined);
    const reason = await Promise.race([this.parts.carryOut(tenant), late]);
    over.abort();
    return reason;
  }

  private holdAgain(endpoint: Endpoint): void {
    const reasons = this.heldPortsOf(endpoint).flatMap((port) => {
      try {
        this.ports.hold(endpoint.id, port);
        return [];
      } catch (error) {
        return [messageOf(error)];
      }
    });
    const [reason] = reasons;
    const before = this.lost.get(endpoint.id);
    if (reason === undefined) this.lost.delete(endpoint.id);
    else this.lost.set(endpoint.id, reason);
    if (reason === undefined || reason === before) return;
    this.parts.log.error({ event: 'published-port-lost', endpoint: endpoint.id, tenant: endpoint.tenant, reason }, 'a published port is not held any more; what comes to it still goes to the container');
    this.parts.lost(endpoint, reason);
  }

  /** Follows the store: Docker revokes, leaves, or deletes the endpoint, or it was found to be garbage. */
  private giveBack(): void {
    const { state } = this.parts;
    const published = new Map<string, ReadonlySet<string>>();
    const isPublished = (id: string, port: HeldPort): boolean => {
      const endpoint = state.endpoints.get(keys.endpoint(id))?.value;
      const known = published.get(id) ?? new Set(endpoint ? this.heldPortsOf(endpoint).map(textOf) : []);
      published.set(id, known);
      return known.has(textOf(port));
    };
    this.ports.retain((id, port) => this.claiming.has(id) || isPublished(id, port));
    for (const id of this.lost.keys()) if (!state.endpoints.get(keys.endpoint(id))?.value.publications) this.lost.delete(id);
  }

  private heldPortsOf(endpoint: Endpoint): HeldPort[] {
    const network = this.parts.state.networks.get(keys.network(endpoint.tenant, endpoint.network))?.value;
    return (endpoint.publications ?? []).flatMap((publication) => {
      const families = network ? familiesOf(publication, endpoint, network) : [];
      return hostAddresses(publication.hostIp, families).map((address) => ({ protocol: publication.protocol, address, port: publication.hostPort }));
    });
  }

  private lookUp(id: string): { endpoint: Endpoint; network: Network } {
    const endpoint = this.parts.state.endpoints.get(keys.endpoint(id))?.value;
    if (!endpoint) throw unknown(id);
    return { endpoint, network: this.parts.state.requireNetwork(endpoint.tenant, endpoint.network).value };
  }

  private nameOf(id: string): string {
    const name = this.parts.containers.ofEndpoint(id)?.name;
    return name === undefined ? `endpoint ${id.slice(0, 12)}` : `container ${name}`;
  }
}

function unknown(id: string): NetctlError {
  return notFound(`endpoint ${id} is not known to netctl`);
}

/** @throws NetctlError `invalid` for what cannot be published. */
function wantedPort({ protocol: number, port, hostIp, hostPort, hostPortEnd }: PortRequest, endpoint: Endpoint, network: Network): WantedPort {
  const protocol = publishedProtocol(number, port);
  const possible = publishableFamilies(endpoint.addresses, network);
  if (possible.length === 0) {
    const why = network.internal ? `network ${network.name} is internal` : `network ${network.name} has no gateway, so that answers would find no way out`;
    throw invalid(`port ${port}/${protocol} cannot be published: ${why}`);
  }
  if (hostIp && !possible.includes(hostIp.family)) {
    throw invalid(`port ${port}/${protocol} cannot be published at ${hostIp.toString()}: the container has no IPv${hostIp.family} address with a gateway`);
  }
  const range = hostPort === 0 ? {} : { range: { first: hostPort, last: Math.max(hostPort, hostPortEnd) } };
  return { protocol, port, ...(hostIp ? { hostIp } : {}), families: hostIp ? [hostIp.family] : possible, ...range };
}

function textOf({ protocol, address, port }: HeldPort): string {
  return `${protocol} ${address.toString()} ${port}`;
}
