import type { Connections } from './connections.js';

/** What clients noticed of a provider that was killed. */
export interface Failover {
  readonly failed: number;
  /** Milliseconds from the kill until the last connection began that failed; 0 if none did. */
  readonly last: number;
}

/** @param killed when, in milliseconds of the clock that the failures are in. @throws Error if connections failed before, so that it is something else that is measured. */
export function failoverOf({ failed, failures }: Pick<Connections, 'failed' | 'failures'>, killed: number): Failover {
  const before = failures.find(({ ended }) => ended < killed);
  if (before) throw new Error(`a connection failed ${(killed - before.ended).toFixed(1)} ms before the provider was killed: ${before.reason}`);
  return { failed, last: Math.max(0, ...failures.map(({ began }) => began - killed)) };
}
