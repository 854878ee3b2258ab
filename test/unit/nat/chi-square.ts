import type { BalancedPort } from '../../../src/nat/state.js';

/** How often each provider is chosen in so many connections: in turn, or by a sequence of evenly spread numbers that is always the same. */
export function picks({ chain, slots }: BalancedPort, connections: number): Map<string, number> {
  const counts = new Map<string, number>();
  let state = 1;
  for (let index = 0; index < connections; index += 1) {
    // Marsaglia's xorshift with 32 bits.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const slot = chain.algorithm === 'roundrobin' ? index % chain.slots : Math.floor(((state >>> 0) / 2 ** 32) * chain.slots);
    const name = slots[slot]?.address.toString() ?? 'nobody';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Pearson's statistic. What is counted and not expected makes it infinite. */
export function chiSquare(counts: ReadonlyMap<string, number>, shares: ReadonlyMap<string, number>): number {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if ([...counts.keys()].some((name) => !shares.has(name))) return Infinity;
  return [...shares].reduce((sum, [name, share]) => sum + ((counts.get(name) ?? 0) - total * share) ** 2 / (total * share), 0);
}

/**
 * What is exceeded by chance in one of 10,000 cases (Wilson and Hilferty's approximation).
 * @param normal the quantile of the normal distribution for other odds.
 */
export function chiSquareLimit(degrees: number, normal = 3.719): number {
  return degrees * (1 - 2 / (9 * degrees) + normal * Math.sqrt(2 / (9 * degrees))) ** 3;
}
