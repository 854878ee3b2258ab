import { Mac, Prefix, type Family, type IpAddress } from '../model/address.js';
import type { Uplink } from '../model/uplink.js';

/** From these the addresses of all uplinks of a host are taken, two of each family for each. They are never seen outside the host. */
export interface UplinkRanges {
  readonly ipv4: Prefix;
  readonly ipv6: Prefix;
}

/** One end of an uplink. */
export interface UplinkEnd {
  readonly link: string;
  readonly mac: Mac;
  readonly ipv4: IpAddress;
  readonly ipv6: IpAddress;
}

/** An uplink with its names and addresses. The two addresses of a family are the only ones of their prefix, /31 and /127 (RFC 3021, RFC 6164). */
export interface UplinkLink {
  readonly tenant: string;
  /** In the host's own namespace. */
  readonly host: UplinkEnd;
  /** In the router. */
  readonly router: UplinkEnd;
}

/**
 * Used unless the user names others. IPv4: link-local addresses (RFC 3927), which no router outside
 * forwards and no network of Docker's has, apart from the 169.254.169.254 of clouds. IPv6: unique local ones
 * (RFC 4193). Their global id is not random as that RFC wants it, but they are masqueraded by the host and
 * never leave it.
 */
export const defaultUplinkRanges: UplinkRanges = { ipv4: Prefix.parse('169.254.240.0/20'), ipv6: Prefix.parse('fd6e:6574:6374:6c::/112') };

/** The router's end has this name in every router. */
export const routerUplinkName = 'uplink';

/** A MAC address has three octets for the uplink's index. */
const mostIndexes = 1n << 24n;

/** How many uplinks the ranges have room for. */
export function uplinkCapacity({ ipv4, ipv6 }: UplinkRanges): number {
  return Number([ipv4.size / 2n, ipv6.size / 2n, mostIndexes].reduce((least, room) => (room < least ? room : least)));
}

/** @throws RangeError if the ranges have no room for the uplink's index. */
export function uplinkLink({ tenant, index }: Uplink, ranges: UplinkRanges): UplinkLink {
  if (!Number.isInteger(index) || index < 0 || index >= uplinkCapacity(ranges)) throw new RangeError(`there is no room for an uplink with the number ${index}`);
  const end = (link: string, side: 0 | 1): UplinkEnd => {
    const offset = BigInt(2 * index + side);
    return { link, mac: uplinkMac(index, side), ipv4: ranges.ipv4.first.plus(offset), ipv6: ranges.ipv6.first.plus(offset) };
  };
  return { tenant, host: end(`nu-${index}`, 0), router: end(routerUplinkName, 1) };
}

/** True for the name of a host's end. */
export function isUplinkName(name: string): boolean {
  return /^nu-(0|[1-9]\d{0,7})$/.test(name);
}

/** The addresses of one end, of these families. */
export function endAddresses(end: UplinkEnd, families: ReadonlySet<Family>): IpAddress[] {
  return [end.ipv4, end.ipv6].filter(({ family }) => families.has(family));
}

/**
 * `02:03:`, the index, and the end: 0 of the host, 1 of the router. Locally administered, and neither an
 * endpoint's (`02:02:`) nor a bridge's (`02:01:`).
 */
function uplinkMac(index: number, side: 0 | 1): Mac {
  const octets = index.toString(16).padStart(6, '0').match(/../g) ?? [];
  return Mac.parse(['02', '03', ...octets, `0${side}`].join(':'));
}
