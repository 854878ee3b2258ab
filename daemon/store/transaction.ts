import { NetctlError } from '../../src/model/errors.js';
import type { Change, Condition, Entry, Json, Operation, Transaction } from './port.js';

/** The revision at which the entry of each touched key last changed; a key that is not in it is absent. */
export type Revisions = ReadonlyMap<string, number>;

/** The keys whose present state decides what a transaction does: those of its conditions and of its deletes. */
export function keysToRead(transaction: Transaction): string[] {
  const deleted = transaction.operations.filter((operation) => 'delete' in operation);
  return [...new Set([...transaction.conditions, ...deleted].map(({ key }) => key))];
}

export function conditionHolds(condition: Condition, revisions: Revisions): boolean {
  const revision = revisions.get(condition.key);
  switch (condition.is) {
    case 'absent':
      return revision === undefined;
    case 'present':
      return revision !== undefined;
    case 'at':
      return revision === condition.revision;
  }
}

/** What etcd takes in one transaction at its defaults; so every store takes that, and no more. */
const [mostConditions, mostOperations] = [100, 2500];

/** @throws NetctlError `internal`: two operations on one key have no defined order, or there are too many, so the caller has a bug. */
export function checkTransaction({ conditions, operations }: Transaction): void {
  if (conditions.length > mostConditions || operations.length > mostOperations) {
    throw new NetctlError('internal', `a transaction has ${conditions.length} conditions and ${operations.length} operations: it may have ${mostConditions} and ${mostOperations}`);
  }
  const seen = new Set<string>();
  for (const { key } of operations) {
    if (seen.has(key)) throw new NetctlError('internal', `a transaction has two operations on the key "${key}"`);
    seen.add(key);
  }
}

/** What the operations change. Deleting what is absent changes nothing. */
export function changesOf(operations: readonly Operation[], revision: number, before: Revisions): Change[] {
  return operations.flatMap((operation): Change[] => {
    const { key } = operation;
    if ('delete' in operation) return before.has(key) ? [{ key, delete: true }] : [];
    return [{ key, put: { key, value: copyOf(operation.put), revision } satisfies Entry }];
  });
}

/** A copy through JSON: what a reader would get from the disk, and out of the writer's reach. */
function copyOf(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
