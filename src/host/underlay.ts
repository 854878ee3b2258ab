import type { IpAddress } from '../model/address.js';
import { invalid } from '../model/errors.js';

/** Where the other hosts reach this one. */
export interface UnderlayAddress {
  readonly address: IpAddress;
  /** Of the link that has it, in bytes. */
  readonly mtu: number;
}

/** An address that this host has on a link, and that is valid everywhere, in the order in which the kernel lists them. */
export interface HostAddress extends UnderlayAddress {
  readonly link: string;
}

/**
 * Which of a host's addresses is the one on the underlay: the one that was asked for; else the first on the link by which the host sends what has
 * no other route; else the only one. Of both families, IPv4: the routers of the way may know no other.
 *
 * @param addresses those of loopback, of Docker's and of netctl's own links are not among them
 * @param defaultLinks the links of the default routes, the preferred one first
 * @param wanted what the operator said
 * @throws NetctlError `invalid` if there is none, or none that is clearly meant
 */
export function chooseUnderlay(addresses: readonly HostAddress[], defaultLinks: readonly string[], wanted?: IpAddress): UnderlayAddress {
  if (wanted) {
    const found = addresses.find(({ address }) => address.equals(wanted));
    if (found) return pick(found);
    throw invalid(`underlay-address is ${wanted.toString()}, which this host does not have: ${listed(addresses)}`);
  }
  const sorted = addresses.toSorted((a, b) => a.address.family - b.address.family);
  for (const link of defaultLinks) {
    const found = sorted.find((address) => address.link === link);
    if (found) return pick(found);
  }
  const [first] = sorted;
  if (!first) throw invalid('this host has no address by which the other hosts could reach it: give it one, or say which with --underlay-address');
  if (sorted.some(({ link }) => link !== first.link)) throw invalid(`this host has no default route, and it is not clear by which address the other hosts reach it: say so with --underlay-address (${listed(addresses)})`);
  return pick(first);
}

function pick({ address, mtu }: HostAddress): UnderlayAddress {
  return { address, mtu };
}

function listed(addresses: readonly HostAddress[]): string {
  return addresses.length === 0 ? 'it has none' : `it has ${addresses.map(({ address, link }) => `${address.toString()} on ${link}`).join(', ')}`;
}
