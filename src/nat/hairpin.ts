import type { Family, IpAddress } from '../model/address.js';
import { subnetOf } from '../model/network.js';
import type { Subnet } from '../model/network.js';
import type { NatNetwork } from './input.js';
import { hairpinKey } from './keys.js';
import type { Hairpin } from './state.js';

/**
 * One element for each provider that can call its own service, in the order of the providers.
 *
 * The source must be an address that the provider answers through the router: the gateway of its
 * network, else the lowest service IP on its link. Without either the provider reaches no service at
 * all, its own included.
 * @param providers distinct addresses of this family.
 * @param serviceIps in ascending order.
 */
export function planHairpins(
  family: Family,
  networks: readonly NatNetwork[],
  serviceIps: readonly IpAddress[],
  providers: readonly IpAddress[],
): Map<string, Hairpin> {
  const sources = networks
    .map((network) => subnetOf(network, family))
    .filter((subnet) => subnet !== undefined)
    .map((subnet) => ({ prefix: subnet.prefix, source: sourceFor(subnet, serviceIps) }));
  return new Map(
    providers.flatMap((provider): [string, Hairpin][] => {
      const source = sources.find(({ prefix }) => prefix.contains(provider))?.source;
      return source ? [[hairpinKey(provider), { provider, source }]] : [];
    }),
  );
}

function sourceFor({ prefix, gateway }: Subnet, serviceIps: readonly IpAddress[]): IpAddress | undefined {
  return gateway ?? serviceIps.find((address) => prefix.contains(address));
}
