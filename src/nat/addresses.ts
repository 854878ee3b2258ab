import type { Family, IpAddress } from '../model/address.js';

export function ofFamily(family: Family, addresses: readonly IpAddress[]): readonly IpAddress[] {
  return addresses.every((address) => address.family === family) ? addresses : addresses.filter((address) => address.family === family);
}

/** In ascending order, each once. All of one family. */
export function ascending(addresses: readonly IpAddress[]): readonly IpAddress[] {
  // Most lists are: among thousands of services the copies would cost more than the planning.
  if (addresses.every((address, index) => index === 0 || (addresses[index - 1]?.value ?? 0n) < address.value)) return addresses;
  const distinct = new Map(addresses.map((address) => [address.value, address]));
  return [...distinct.values()].toSorted((a, b) => a.compare(b));
}

/** The lowest of the family, or none. */
export function addressIn(family: Family, addresses: readonly IpAddress[]): readonly IpAddress[] {
  const [only] = addresses;
  if (addresses.length === 1 && only?.family === family) return addresses;
  return ascending(ofFamily(family, addresses)).slice(0, 1);
}
