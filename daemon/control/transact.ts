import { setTimeout as pause } from 'node:timers/promises';
import { NetctlError, unavailable } from '../../src/model/errors.js';
import type { Condition, Operation, Outcome, Store, Transaction } from '../store/port.js';

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

/** Who waited so long for his turn has been given up, or is about to be, in milliseconds: Docker is answered after eight seconds. */
const longestWaitMs = 6000;

/**
 * Transactions of one process wait for each other: planned at the same time, forty allocations would all want the lowest free address, and each
 * commit would send the rest back to plan anew. Only those of other hosts can come in between.
 */
interface Queue {
  /** When all that were asked for have ended. */
  end: Promise<unknown>;
  /** Those that found no store since one did: how many, when the last one was sent, and what it was told. */
  failures: { readonly count: number; readonly sent: number; readonly error: NetctlError } | undefined;
}

const queues = new WeakMap<Store, Queue>();

/**
 * Plans a transaction from the present state and carries it out; plans anew when the state it rested
 * on has changed meanwhile. `plan` is told how often that was so; it returns undefined when there is nothing (more) to do, and throws
 * what is refused.
 * @returns whether anything was written.
 * @throws NetctlError `unavailable` if others were faster for seconds, or the turn did not come for seconds.
 */
export function transact(store: Store, plan: (conflicts: number) => Transaction | undefined, pace = realPace): Promise<boolean> {
  const queue = queues.get(store) ?? { end: Promise.resolve(), failures: undefined };
  queues.set(store, queue);
  const asked = pace.now();
  const turn = queue.end.then(() => carryOut(store, queue, asked, plan, pace));
  queue.end = turn.catch(() => undefined);
  return turn;
}

async function carryOut(store: Store, queue: Queue, asked: number, plan: (conflicts: number) => Transaction | undefined, pace: Pace): Promise<boolean> {
  const begun = pace.now();
  for (let conflicts = 0; ; conflicts++) {
    const ms = pauseAfter(conflicts, pace.random());
    if (pace.now() + ms > begun + patienceMs) throw unavailable('nothing was changed: other hosts change the same all the time, and were always faster; try again in a moment');
    if (ms > 0) await pace.wait(ms);
    const transaction = plan(conflicts);
    if (!transaction || transaction.operations.length === 0) return false;
    if (conflicts === 0) refuseInVain(queue, asked, begun);
    const outcome = await sent(store, queue, transaction, pace);
    if (outcome.committed) return true;
  }
}

/**
 * Each that finds no store waits for seconds: a hundred, one after the other, for minutes. So what two in a row were told counts for all that were there already. Two,
 * as the first one may be lost with the member of etcd that it was sent to, and the next one finds another.
 */
function refuseInVain({ failures }: Queue, asked: number, begun: number): void {
  if (failures && failures.count > 1 && asked <= failures.sent) throw failures.error;
  if (begun - asked > longestWaitMs) throw unavailable('nothing was changed: too much waits to be written; try again in a moment');
}

async function sent(store: Store, queue: Queue, transaction: Transaction, pace: Pace): Promise<Outcome> {
  const now = pace.now();
  try {
    const outcome = await store.transact(transaction);
    queue.failures = undefined;
    return outcome;
  } catch (error) {
    if (error instanceof NetctlError && error.code === 'unavailable') queue.failures = { count: (queue.failures?.count ?? 0) + 1, sent: now, error };
    throw error;
  }
}

/** Hosts that came in each other's way once would do so again, were they to wait equally long. */
function pauseAfter(conflicts: number, random: number): number {
  if (conflicts < 2) return 0;
  return Math.min(firstPauseMs * 2 ** (conflicts - 2), longestPauseMs) * (0.5 + random / 2);
}
