import type { Family, IpAddress, Prefix } from '../model/address.js';
import { subnetOf } from '../model/network.js';
import { addressIn, ascending, ofFamily } from './addresses.js';
import type { NatNetwork, NatService } from './input.js';
import { hairpinKey } from './keys.js';
import type { Hairpin } from './state.js';

/** A provider, and by which addresses it may call its own service. */
export interface Caller {
  readonly provider: IpAddress;
  readonly clients: readonly IpAddress[];
}

/** The providers of all services, in order. */
export function callersOf(family: Family, services: readonly NatService[]): Caller[] {
  const able = services.filter(({ addresses, ports }) => ports.length > 0 && ofFamily(family, addresses).length > 0);
  // Thousands of services may share one list.
  const providers = [...new Set(able.map((service) => service.providers))].flat();
  const clients = new Map<bigint, { provider: IpAddress; clients: IpAddress[] }>();
  for (const { addresses, aliases = [] } of providers) {
    for (const provider of addressIn(family, addresses)) {
      const caller = clients.get(provider.value) ?? { provider, clients: [provider] };
      clients.set(provider.value, caller);
      caller.clients.push(...ofFamily(family, aliases));
    }
  }
  return [...clients.values()].map(({ provider, clients }) => ({ provider, clients: ascending(clients) })).toSorted((a, b) => a.provider.compare(b.provider));
}

/** The source address that hairpins to providers of a network have; absent: they reach no service at all. */
export interface HairpinSource {
  readonly prefix: Prefix;
  readonly source?: IpAddress;
}

/**
 * The source must be an address that the provider answers through the router: the gateway of its
 * network, else the lowest service IP on its link. Without either the provider reaches no service at
 * all, its own included.
 */
export function hairpinSources(family: Family, networks: readonly NatNetwork[], serviceIps: Iterable<IpAddress>): HairpinSource[] {
  const subnets = networks.map((network) => subnetOf(network, family)).filter((subnet) => subnet !== undefined);
  const lacking = subnets.some(({ gateway }) => gateway === undefined);
  const lowest = lacking ? ascending([...serviceIps]) : [];
  return subnets.map(({ prefix, gateway }) => {
    const source = gateway ?? lowest.find((address) => prefix.contains(address));
    return { prefix, ...(source ? { source } : {}) };
  });
}

/**
 * One element for each way in which a provider can call its own service, in the order of the callers. By an address of
 * another network it needs one, too: a container takes nothing from outside that comes from itself.
 * @param callers with addresses of one family.
 */
export function planHairpins(sources: readonly HairpinSource[], callers: readonly Caller[]): Map<string, Hairpin> {
  return new Map(
    callers.flatMap(({ provider, clients }): [string, Hairpin][] => {
      const source = sources.find(({ prefix }) => prefix.contains(provider))?.source;
      return source ? clients.map((client) => [hairpinKey(client, provider), { client, provider, source }]) : [];
    }),
  );
}
