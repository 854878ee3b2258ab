import { setTimeout as pause } from 'node:timers/promises';

/** Long enough for a busy machine, in milliseconds: that something comes at all is what is waited for. */
const patienceMs = 60_000;

/** Waits until it holds. How long that took, in milliseconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<number> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > patienceMs) throw new Error(`not within ${patienceMs} ms: ${what}`);
    await pause(10);
  }
  return performance.now() - start;
}
