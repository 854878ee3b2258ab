import { exchanged } from '../../src/lists/places.js';
import type { IpAddress } from '../../src/model/address.js';
import { Counts } from '../../src/nat/counts.js';
import type { NatService } from '../../src/nat/input.js';
import type { TenantOnHost } from './router-inputs.js';

/**
 * The addresses of all providers, and of those that drain. Of services that are the same objects as before nothing is asked, and lists that
 * several services share are gone through once.
 */
export class AnsweringAddresses {
  private services: readonly NatService[] = [];
  /** How many services have the list. */
  private readonly lists = new Map<Answering, number>();
  private readonly counts = new Counts<IpAddress>();

  update(services: readonly NatService[]): this {
    const { gone, come } = exchanged(this.services, services);
    const before = new Map<Answering, number>();
    const count = (list: Answering, by: number): void => {
      const held = this.lists.get(list) ?? 0;
      if (!before.has(list)) before.set(list, held);
      this.lists.set(list, held + by);
    };
    for (const list of gone.flatMap(listsOf)) count(list, -1);
    for (const list of come.flatMap(listsOf)) count(list, 1);
    const [lost, found] = [[...before].filter(([list, held]) => held > 0 && this.lists.get(list) === 0), [...before].filter(([list, held]) => held === 0 && this.lists.get(list) !== 0)];
    this.counts.change(lost.flatMap(addressesIn), found.flatMap(addressesIn));
    for (const list of before.keys()) if (this.lists.get(list) === 0) this.lists.delete(list);
    this.services = services;
    return this;
  }

  has(address: IpAddress): boolean {
    return this.counts.has(address.toString());
  }
}

type Answering = NatService['providers'];

function listsOf({ providers, draining = [] }: NatService): Answering[] {
  return [providers, draining];
}

function addressesIn([list]: readonly [Answering, number]): [string, IpAddress][] {
  return list.flatMap(({ addresses }) => addresses.map((address): [string, IpAddress] => [address.toString(), address]));
}

/**
 * The names of the networks in which bridges see answers of services, or of published ports, that nobody but them can translate.
 *
 * On one host they are those of the providers, draining ones included: there an answer goes from port to port; and those in which their
 * containers are besides, as an answer takes the shortest way to the client. Who is in one container is told by its sandbox, which is known
 * before the container has its link, while Docker tells of its networks later.
 *
 * Of several hosts one brings the requests of its clients to the provider on another one. This routes the answers, for which it must have seen the
 * requests pass its bridge, into the network of the client, whose host takes them for its bridge to carry. So all networks of a tenant
 * with services need it, on each host; and already before there is a provider, since hosts learn of one at different times.
 */
export function answeredNetworks({ networks, services, endpoints, overlay }: Pick<TenantOnHost, 'networks' | 'services' | 'endpoints' | 'overlay'>, answering: AnsweringAddresses): Set<string> {
  if (overlay && services.length > 0) return new Set(networks.map(({ name }) => name));
  const providing = endpoints.filter(({ addresses }) => addresses.some((address) => answering.has(address)));
  const sandboxes = new Set(providing.flatMap(({ sandboxKey }) => sandboxKey ?? []));
  const beside = endpoints.filter(({ sandboxKey }) => sandboxKey !== undefined && sandboxes.has(sandboxKey));
  return new Set([...providing, ...beside].map(({ network }) => network));
}
