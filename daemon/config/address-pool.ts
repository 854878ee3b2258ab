import type { DefaultPool } from '../../src/ipam/default-pool.js';
import { checkSubnet } from '../../src/ipam/subnet.js';
import { bitsOf, Prefix, type Family } from '../../src/model/address.js';
import type { Parse } from './values.js';

/**
 * 16,384 subnets of 254 addresses, apart from what is used most: the low parts of 10.0.0.0/8 and of 192.168.0.0/16 by sites,
 * 172.16.0.0/12 by Docker itself, 100.64.0.0/10 by carriers. IPv6: unique local (RFC 4193), of the prefix from which uplinks are made.
 */
export const defaultPools: Readonly<Record<Family, DefaultPool>> = {
  4: { base: Prefix.parse('10.64.0.0/10'), size: 24 },
  6: { base: Prefix.parse('fd6e:6574:6374:8000::/49'), size: 64 },
};

/** `base=10.64.0.0/10,size=24`, as Docker's option of this name has it. */
export function addressPool(family: Family): Parse<DefaultPool> {
  const example = `for example ${formatPool(defaultPools[family])}`;
  return (value) => {
    const match = typeof value === 'string' ? /^base=([^,]+),size=(\d{1,3})$/.exec(value) : null;
    if (!match?.[1]) throw new Error(`must be base=SUBNET,size=LENGTH, ${example}`);
    const { prefix: base } = checkSubnet(family, match[1]);
    const size = Number(match[2]);
    const longest = bitsOf(family) - 1;
    if (size < base.length || size > longest) throw new Error(`must have a size from ${base.length} to ${longest}, ${example}`);
    return { base, size };
  };
}

export function formatPool({ base, size }: DefaultPool): string {
  return `base=${base.toString()},size=${size}`;
}
