import type { IpAddress, Prefix } from '../model/address.js';
import type { Subnet } from '../model/network.js';
import { subtract, type Span } from './spans.js';

/** Why an address of a prefix can belong to no host. */
export type Unusable = 'network address' | 'broadcast address' | 'subnet-router anycast address';

/**
 * Why nobody can have this address of the prefix; undefined if a host can.
 *
 * IPv4 keeps the first and the last address of a subnet for the network and for broadcast, but not
 * in a /31 (RFC 3021). IPv6 knows no broadcast; its all-zero host is the subnet-router anycast
 * address (RFC 4291, 2.6.1), but not in a /127 (RFC 6164), where Linux does not join it either.
 */
export function whyUnusable(prefix: Prefix, address: IpAddress): Unusable | undefined {
  if (prefix.size <= 2n) return undefined;
  if (address.equals(prefix.first)) return prefix.family === 4 ? 'network address' : 'subnet-router anycast address';
  return prefix.family === 4 && address.equals(prefix.last) ? 'broadcast address' : undefined;
}

/**
 * The addresses, by number, that endpoints and services may be given: the subnet's range or all of its
 * prefix, without what {@link whyUnusable} names and without the gateway. Sorted; at most two spans.
 */
export function givableSpans({ prefix, range, gateway }: Subnet): Span[] {
  const first = whyUnusable(prefix, prefix.first) ? prefix.first.value + 1n : prefix.first.value;
  const last = whyUnusable(prefix, prefix.last) ? prefix.last.value - 1n : prefix.last.value;
  const whole = {
    first: range && range.first.value > first ? range.first.value : first,
    last: range && range.last.value < last ? range.last.value : last,
  };
  if (whole.first > whole.last) return [];
  return subtract([whole], gateway ? [{ first: gateway.value, last: gateway.value }] : []);
}
