import type { Container } from '../../src/model/container.js';
import type { Inspected } from './decode.js';
import { killSignal } from './signals.js';

/** When each signal was last sent to a container, milliseconds since the epoch, by the signal's number. */
export type Kills = ReadonlyMap<number, number>;

/** How much longer than its stop time-out a container may take to end: Docker needs a moment to kill it, too. */
export const drainMarginMs = 1000;

export function withKill(kills: Kills, signal: number, timeMs: number): Kills {
  return new Map([...kills, [signal, Math.max(timeMs, kills.get(signal) ?? 0)]]);
}

/** Only those sent at this moment or later. */
export function killsAfter(kills: Kills, timeMs: number): Kills {
  return new Map([...kills].filter(([, sentAt]) => sentAt >= timeMs));
}

/**
 * When the drain of a container ends, milliseconds since the epoch; undefined if it does not drain.
 *
 * `docker stop` sends the container's stop signal, waits for the stop time-out, and sends SIGKILL.
 * Only these two announce the end: SIGHUP and the like are sent to make a program read its
 * configuration. Who outlives its time-out was not stopped after all (somebody sent it the signal
 * with `docker kill`, and it chose to live) and may get connections again. A longer time-out given
 * with `docker stop -t` is in no event, so it is not known here.
 */
export function drainEndsAt(inspected: Inspected, state: Container['state'], kills: Kills, nowMs: number): number | undefined {
  if (state !== 'running' && state !== 'paused') return undefined;
  const sentAt = Math.max(kills.get(inspected.stopSignal) ?? -Infinity, kills.get(killSignal) ?? -Infinity);
  if (sentAt < inspected.startedAtMs) return undefined;
  const endsAt = sentAt + inspected.stopTimeoutMs + drainMarginMs;
  return nowMs < endsAt ? endsAt : undefined;
}
