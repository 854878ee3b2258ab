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
 * Plans a transaction from the present state and carries it out; plans anew when the state it rested
 * on has changed meanwhile. `plan` returns undefined when there is nothing (more) to do, and throws
 * what is refused.
 * @returns whether anything was written.
 */
export async function transact(store: Store, plan: () => Transaction | undefined): Promise<boolean> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const transaction = plan();
    if (!transaction || transaction.operations.length === 0) return false;
    const outcome = await store.transact(transaction);
    if (outcome.committed) return true;
  }
  throw new NetctlError('internal', 'the state changed faster than it could be written; try again');
}
