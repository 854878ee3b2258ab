import { setTimeout as pause } from 'node:timers/promises';
import { unavailable } from '../../src/model/errors.js';
import type { Condition, Operation, Store, Transaction } from '../store/port.js';

/** A part of a transaction: what it rests on, and what it writes. */
export type Fragment = Transaction;

export function combine(...fragments: readonly Fragment[]): Transaction {
  return {
    conditions: fragments.flatMap((fragment) => fragment.conditions),
    operations: fragments.flatMap((fragment) => fragment.operations),
  };
}

export const when = (...conditions: Condition[]): Fragment => ({ conditions, operations: [] });
export const write = (...operations: Operation[]): Fragment => ({ conditions: [], operations });

/** Growing pauses between attempts: the first is not waited for, each further one doubles, in milliseconds. */
const [firstPauseMs, longestPauseMs] = [4, 100];

/** How long somebody waits for a transaction that others are always faster than, in milliseconds. Docker, with locks held, waits for some. */
const patienceMs = 4000;

/** Time and chance, as {@link transact} has them. */
export interface Pace {
  /** Milliseconds since any moment. */
  now(): number;
  /** From 0 to 1, less than 1. */
  random(): number;
  wait(ms: number): Promise<void>;
}

const realPace: Pace = { now: () => performance.now(), random: () => Math.random(), wait: (ms) => pause(ms) };

/**
 * The end of each store's queue. Transactions of one process wait for each other: planned at the same
 * time, forty allocations would all want the lowest free address, and each commit would send the rest
 * back to plan anew. Only those of other hosts can come in between.
 */
const queues = new WeakMap<Store, Promise<unknown>>();

/**
 * Plans a transaction from the present state and carries it out; plans anew when the state it rested
 * on has changed meanwhile. `plan` is told how often that was so; it returns undefined when there is nothing (more) to do, and throws
 * what is refused.
 * @returns whether anything was written.
 * @throws NetctlError `unavailable` if others were faster for seconds.
 */
export function transact(store: Store, plan: (conflicts: number) => Transaction | undefined, pace = realPace): Promise<boolean> {
  const turn = (queues.get(store) ?? Promise.resolve()).then(() => carryOut(store, plan, pace));
  queues.set(store, turn.catch(() => undefined));
  return turn;
}

async function carryOut(store: Store, plan: (conflicts: number) => Transaction | undefined, pace: Pace): Promise<boolean> {
  const end = pace.now() + patienceMs;
  for (let conflicts = 0; ; conflicts++) {
    const ms = pauseAfter(conflicts, pace.random());
    if (pace.now() + ms > end) throw unavailable('nothing was changed: other hosts change the same all the time, and were always faster; try again in a moment');
    if (ms > 0) await pace.wait(ms);
    const transaction = plan(conflicts);
    if (!transaction || transaction.operations.length === 0) return false;
    const outcome = await store.transact(transaction);
    if (outcome.committed) return true;
  }
}

/** Hosts that came in each other's way once would do so again, were they to wait equally long. */
function pauseAfter(conflicts: number, random: number): number {
  if (conflicts < 2) return 0;
  return Math.min(firstPauseMs * 2 ** (conflicts - 2), longestPauseMs) * (0.5 + random / 2);
}
