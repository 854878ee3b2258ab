import type { Family, IpAddress } from '../model/address.js';

export function ofFamily(family: Family, addresses: readonly IpAddress[]): IpAddress[] {
  return addresses.filter((address) => address.family === family);
}

/** In ascending order, each once. All of one family. */
export function ascending(addresses: readonly IpAddress[]): IpAddress[] {
  const distinct = new Map(addresses.map((address) => [address.value, address]));
  return [...distinct.values()].toSorted((a, b) => a.compare(b));
}

/** The lowest of the family, or none. */
export function addressIn(family: Family, addresses: readonly IpAddress[]): IpAddress[] {
  return ascending(ofFamily(family, addresses)).slice(0, 1);
}
