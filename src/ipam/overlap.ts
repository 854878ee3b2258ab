import type { Prefix } from '../model/address.js';
import { conflict } from '../model/errors.js';
import { subnetsOf, type Network } from '../model/network.js';

/** What is known of a network before it is one. */
type Place = Pick<Network, 'tenant' | 'name' | 'ipv4' | 'ipv6'>;

/** The subnet asked for, and what it overlaps with. */
export interface Overlap {
  readonly subnet: Prefix;
  readonly other: Prefix;
  /** The name of the network that has `other`. */
  readonly network: string;
}

/**
 * The first overlap of the subnets asked for with those of another network of the same tenant.
 *
 * Whole prefixes are compared, not ranges: Contiv lets two networks share one prefix by disjoint
 * ranges, but a tenant's router has one route for a prefix, and containers of one such network
 * would look for the other's on their own segment.
 */
export function findOverlap(asked: Place, networks: Iterable<Place>): Overlap | undefined {
  for (const network of networks) {
    if (network.tenant !== asked.tenant || network.name === asked.name) continue;
    for (const { prefix: subnet } of subnetsOf(asked)) {
      const other = subnetsOf(network).find(({ prefix }) => prefix.overlaps(subnet))?.prefix;
      if (other) return { subnet, other, network: network.name };
    }
  }
  return undefined;
}

/** @throws NetctlError `conflict`, naming the other network, if {@link findOverlap} finds one. */
export function checkOverlap(asked: Place, networks: Iterable<Place>): void {
  const overlap = findOverlap(asked, networks);
  if (!overlap) return;
  throw conflict(
    `subnet ${overlap.subnet.toString()} overlaps with ${overlap.other.toString()} of network ${overlap.network} in tenant ${asked.tenant}: use another subnet, or another tenant`,
  );
}
