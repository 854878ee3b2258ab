/**
 * How far counts are from what is expected: Pearson's sum, which has the chi-square distribution if nothing is wrong,
 * with one degree of freedom less than there are counts.
 */
export function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, at) => sum + (count - (expected[at] ?? 0)) ** 2 / (expected[at] ?? 0), 0);
}

/** What the sum over four counts exceeds once in a million times although nothing is wrong. */
export const onceInAMillion = 30.66;
