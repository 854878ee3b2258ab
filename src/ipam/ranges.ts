import { IpAddress, type Family } from '../model/address.js';
import type { AddressPool } from './pool.js';
import type { Span } from './spans.js';

/** What endpoints and services hold of the pool, as Contiv prints it: `10.1.1.1, 10.1.1.5-10.1.1.7`; empty if nothing. */
export function formatAllocated(pool: AddressPool): string {
  return formatSpans(pool.subnet.prefix.family, pool.allocatedSpans());
}

/** What can still be had of the pool, resting addresses included, in the same form. The gateway is in neither list. */
export function formatAvailable(pool: AddressPool): string {
  return formatSpans(pool.subnet.prefix.family, pool.availableSpans());
}

function formatSpans(family: Family, spans: readonly Span[]): string {
  const text = (value: bigint): string => IpAddress.fromValue(family, value).toString();
  return spans.map(({ first, last }) => (first === last ? text(first) : `${text(first)}-${text(last)}`)).join(', ');
}
