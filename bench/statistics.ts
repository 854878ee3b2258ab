import type { Figure } from './suite.js';

/** Of some numbers, those that a quarter, half and three quarters of them do not exceed, and the ends. */
export interface Summary {
  readonly least: number;
  readonly quarter: number;
  readonly median: number;
  readonly threeQuarters: number;
  readonly most: number;
}

/** @param values at least one, in any order. @throws RangeError if there is none. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    least: quantile(sorted, 0),
    quarter: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    threeQuarters: quantile(sorted, 0.75),
    most: quantile(sorted, 1),
  };
}

/**
 * The value below which this part of the values lies; between two of them it is interpolated.
 * @param sorted in ascending order, at least one.
 * @param part 0..1
 */
export function quantile(sorted: readonly number[], part: number): number {
  const place = part * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  if (below === undefined || above === undefined) throw new RangeError('there are no values');
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * How good the contender was in each round, compared with the reference in the same round: 1 is as good, more is better. What the machine did
 * meanwhile is in both, so these vary less than what they are made of.
 */
export function ratios(contender: readonly number[], reference: readonly number[], { better, count }: Pick<Figure, 'better' | 'count'>): number[] {
  const added = count ? 1 : 0;
  return contender.map((value, round) => {
    const [own, other] = [value + added, (reference[round] ?? NaN) + added];
    return better === 'more' ? own / other : other / own;
  });
}
