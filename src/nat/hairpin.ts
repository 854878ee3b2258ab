import type { Family, IpAddress } from '../model/address.js';
import { subnetOf } from '../model/network.js';
import type { Subnet } from '../model/network.js';
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
  const providers = services.filter(({ addresses, ports }) => ports.length > 0 && ofFamily(family, addresses).length > 0).flatMap((service) => service.providers);
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

/**
 * One element for each way in which a provider can call its own service, in the order of the callers. By an address of
 * another network it needs one, too: a container takes nothing from outside that comes from itself.
 *
 * The source must be an address that the provider answers through the router: the gateway of its
 * network, else the lowest service IP on its link. Without either the provider reaches no service at
 * all, its own included.
 * @param callers with distinct addresses of this family.
 * @param serviceIps in ascending order.
 */
export function planHairpins(
  family: Family,
  networks: readonly NatNetwork[],
  serviceIps: readonly IpAddress[],
  callers: readonly Caller[],
): Map<string, Hairpin> {
  const sources = networks
    .map((network) => subnetOf(network, family))
    .filter((subnet) => subnet !== undefined)
    .map((subnet) => ({ prefix: subnet.prefix, source: sourceFor(subnet, serviceIps) }));
  return new Map(
    callers.flatMap(({ provider, clients }): [string, Hairpin][] => {
      const source = sources.find(({ prefix }) => prefix.contains(provider))?.source;
      return source ? clients.map((client) => [hairpinKey(client, provider), { client, provider, source }]) : [];
    }),
  );
}

function sourceFor({ prefix, gateway }: Subnet, serviceIps: readonly IpAddress[]): IpAddress | undefined {
  return gateway ?? serviceIps.find((address) => prefix.contains(address));
}
