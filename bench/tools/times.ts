import { quantile } from '../statistics.js';

/** What a tool prints: how long each of its works took. */
export interface Times {
  /** Per second, all of them together. */
  readonly rate: number;
  /** Microseconds that half of them, and all but one in a hundred, did not exceed. */
  readonly median: number;
  readonly slow: number;
}

/** Does the work so many times, one after another; a tenth more beforehand does not count. */
export function timed(times: number, work: () => void): Times {
  for (let count = 0; count < times / 10; count += 1) work();
  const took: number[] = [];
  const began = performance.now();
  let last = began;
  for (let count = 0; count < times; count += 1) {
    work();
    const now = performance.now();
    took.push((now - last) * 1000);
    last = now;
  }
  const sorted = took.toSorted((a, b) => a - b);
  return { rate: (times / (last - began)) * 1000, median: quantile(sorted, 0.5), slow: quantile(sorted, 0.99) };
}
