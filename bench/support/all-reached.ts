import type { Reach } from './reach.js';

/** Of how many services it is looked whether they can be reached, when there are more. */
const looked = 100;

/** When all of these can be reached, in milliseconds of the monotonic clock: a hundred of them, spread over all, one after another, so that who looks takes nothing from him who works. */
export async function allReached(reach: Reach, targets: readonly string[]): Promise<number> {
  const step = Math.max(1, (targets.length - 1) / (looked - 1));
  const chosen = new Set(Array.from({ length: Math.min(looked, targets.length) }, (_, index) => Math.round(index * step)));
  let last = NaN;
  for (const index of [...chosen].reverse()) last = await reach.first(targets[index] ?? '');
  return last;
}
