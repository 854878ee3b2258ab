import { NetctlError } from '../../src/model/errors.js';
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

/** More conflicts in a row than this mean that somebody else is broken. */
const mostAttempts = 32;

/**
 * The end of each store's queue. Transactions of one process wait for each other: planned at the same
 * time, forty allocations would all want the lowest free address, and each commit would send the rest
 * back to plan anew. Only those of other hosts can come in between.
 */
const queues = new WeakMap<Store, Promise<unknown>>();

/**
 * Plans a transaction from the present state and carries it out; plans anew when the state it rested
 * on has changed meanwhile. `plan` returns undefined when there is nothing (more) to do, and throws
 * what is refused.
 * @returns whether anything was written.
 */
export function transact(store: Store, plan: () => Transaction | undefined): Promise<boolean> {
  const turn = (queues.get(store) ?? Promise.resolve()).then(() => carryOut(store, plan));
  queues.set(store, turn.catch(() => undefined));
  return turn;
}

async function carryOut(store: Store, plan: () => Transaction | undefined): Promise<boolean> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const transaction = plan();
    if (!transaction || transaction.operations.length === 0) return false;
    const outcome = await store.transact(transaction);
    if (outcome.committed) return true;
  }
  throw new NetctlError('internal', 'the state changed faster than it could be written; try again');
}
