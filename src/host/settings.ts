import type { Family } from '../model/address.js';

// Sysctls of the host's own namespace, by their path below /proc/sys/net.

/** Whether the host forwards packets of a family at all. */
export const forwarding: Readonly<Record<Family, string>> = { 4: 'ipv4/ip_forward', 6: 'ipv6/conf/all/forwarding' };

/** Whether a link takes router advertisements: 0 never, 1 if the host does not forward, 2 always. */
export function acceptRouterAdvertisements(link: string): string {
  return `ipv6/conf/${link}/accept_ra`;
}

export function isAcceptanceOfAdvertisements(path: string): boolean {
  return /^ipv6\/conf\/[^/]+\/accept_ra$/.test(path);
}

/**
 * What a host's end of an uplink needs.
 *
 * route_localnet: an answer to the host's call of 127.0.0.1 comes in by the uplink for 127.0.0.1, once it
 * is translated back, and is dropped as martian otherwise. What containers send to 127.0.0.0/8 themselves
 * the rules drop.
 *
 * rp_filter is left as it is: the router sends with its own address, and from reachable subnets, so that even the
 * strict one lets everything pass.
 */
export function linkSettings(link: string, families: ReadonlySet<Family>): [path: string, value: string][] {
  const ipv4: [string, string][] = [[`ipv4/conf/${link}/route_localnet`, '1']];
  const ipv6: [string, string][] = [
    // A host may have IPv6 switched off on new links.
    [`ipv6/conf/${link}/disable_ipv6`, '0'],
    // No link-local address: there is nobody to use it.
    [`ipv6/conf/${link}/addr_gen_mode`, '1'],
    [acceptRouterAdvertisements(link), '0'],
  ];
  return [...(families.has(4) ? ipv4 : []), ...(families.has(6) ? ipv6 : [])];
}
