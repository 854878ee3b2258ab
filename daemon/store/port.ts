/** JSON, as the store keeps it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Entry {
  readonly key: string;
  readonly value: Json;
  /** The store's revision at which the entry last changed. */
  readonly revision: number;
}

/** What must hold for a transaction to be carried out. */
export type Condition =
  | { readonly key: string; readonly is: 'absent' }
  | { readonly key: string; readonly is: 'present' }
  | { readonly key: string; readonly is: 'at'; readonly revision: number };

export type Operation =
  | { readonly key: string; readonly put: Json }
  | { readonly key: string; readonly delete: true };

export interface Transaction {
  /** At most 100. */
  readonly conditions: readonly Condition[];
  /** At most one operation per key, and 2500 in all. Deleting what is absent succeeds, and is no change that a watcher hears of. */
  readonly operations: readonly Operation[];
}

/** `committed: false`: a condition did not hold and nothing was changed. */
export type Outcome = { readonly committed: true; readonly revision: number } | { readonly committed: false };

export type Change = { readonly key: string; readonly put: Entry } | { readonly key: string; readonly delete: true };

/** All that one revision changed below the watched prefix. */
export interface ChangeSet {
  readonly revision: number;
  readonly changes: readonly Change[];
}

export interface Watcher {
  /** Called once for each revision that touched the prefix, in order, none left out. */
  changed(set: ChangeSet): void;
  /** The store can no longer tell what changed since: list again and watch from there. The watch has ended. */
  lost(reason: string): void;
}

export interface Watch {
  close(): void;
}

/**
 * Where specs and statuses are kept. Every adapter passes test/contract/store.ts.
 *
 * Revisions grow with each committed transaction that changes something; nobody may rely on by how much. `list` and then
 * `watch` from the list's revision misses nothing and repeats nothing. A watcher has been told of a
 * transaction before `transact` returns it, as long as watcher and writer use the same Store.
 *
 * Failures of the store itself (closed, disk full, unreachable) reject with NetctlError
 * `unavailable`; a transaction that was rejected may or may not have been carried out.
 */
export interface Store {
  get(key: string): Promise<Entry | undefined>;
  /** Every entry whose key begins with the prefix, in the order of keys. */
  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly revision: number }>;
  transact(transaction: Transaction): Promise<Outcome>;
  /** Everything that changes below the prefix after `revision`. */
  watch(prefix: string, revision: number, watcher: Watcher): Watch;
  close(): Promise<void>;
}

/** A store that several hosts share. */
export interface SharedStore extends Store {
  /**
   * Puts the entry, whatever was there, and keeps it there for as long as this process lives and reaches the store, and for `ttlSeconds` after that; then it
   * is gone, which watchers are told like any other deletion. What was lost while the store was away is put again when it is back.
   * Rejects like a transaction does.
   */
  announce(key: string, value: Json, ttlSeconds: number): Promise<Announcement>;
}

export function isShared(store: Store): store is SharedStore {
  return 'announce' in store;
}

export interface Announcement {
  /** Ends the renewals. The entry stays for the rest of its time, so that a process that starts again at once was never away. */
  close(): void;
}
