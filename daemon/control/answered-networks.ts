import type { Endpoint } from '../../src/model/endpoint.js';
import type { IpAddress } from '../../src/model/address.js';
import { Counts } from '../../src/nat/counts.js';
import { exchanged } from '../../src/nat/exchanged.js';
import type { NatService } from '../../src/nat/input.js';

/** The addresses of all providers, and of those that drain. Of services that are the same objects as before nothing is asked. */
export class AnsweringAddresses {
  private services: ReadonlySet<NatService> = new Set();
  private readonly counts = new Counts<IpAddress>();

  update(services: readonly NatService[]): this {
    const { gone, come } = exchanged(this.services, services);
    this.counts.change(gone.flatMap(answeringIn), come.flatMap(answeringIn));
    this.services = new Set(services);
    return this;
  }

  has(address: IpAddress): boolean {
    return this.counts.has(address.toString());
  }
}

function answeringIn({ providers, draining = [] }: NatService): [string, IpAddress][] {
  return [...providers, ...draining].flatMap(({ addresses }) => addresses.map((address): [string, IpAddress] => [address.toString(), address]));
}

/**
 * The names of the networks in which answers to clients on this host, of services and of published ports, may go from port to port of a
 * bridge. In these is a provider, on this host or another one, or one that drains, or they are what a container of such a one is in besides, as an answer
 * takes the shortest way to the client; and in these is a container on this host that can be its client: another one, as who calls
 * itself is answered by the router. Who is in one container is told by its sandbox, which is known before the container has its
 * link, while Docker tells of its networks later.
 * @param endpoints all of the tenant, wherever they are
 * @param host this host's name
 */
export function answeredNetworks(endpoints: readonly Endpoint[], answering: AnsweringAddresses, host: string): Set<string> {
  const providing = endpoints.filter(({ addresses }) => addresses.some((address) => answering.has(address)));
  const containers = new Set(providing.map(containerOf));
  const answerers = new Map<string, Set<string>>();
  for (const endpoint of endpoints) {
    const container = containerOf(endpoint);
    if (containers.has(container)) answerers.set(endpoint.network, (answerers.get(endpoint.network) ?? new Set()).add(container));
  }
  const clients = endpoints.filter((endpoint) => endpoint.host === host && endpoint.sandboxKey !== undefined);
  return new Set(clients.filter((client) => [...(answerers.get(client.network) ?? [])].some((container) => container !== containerOf(client))).map(({ network }) => network));
}

/** Sandboxes of two hosts may have one name. One that is not joined is by itself. */
function containerOf({ id, host, sandboxKey }: Endpoint): string {
  return sandboxKey === undefined ? id : `${host} ${sandboxKey}`;
}
