import { messageOf } from '../../src/model/errors.js';
import type { ChangeSet, Watch, Watcher } from './port.js';

export interface ChangeLogOptions {
  /** How many changes are remembered, over all revisions: 1,000 unless given. Each holds its value, so this bounds the memory used. */
  readonly limit?: number;
  /** Told of a watcher that threw, which is a bug of the watcher's. Default: a process warning. */
  readonly report?: (error: unknown) => void;
}

interface Subscription {
  readonly prefix: string;
  readonly watcher: Watcher;
  /** The last revision that the watcher needs no more. */
  revision: number;
}

/** What changed lately, and who wants to know. Revisions grow, with gaps where something else changed. */
export class ChangeLog {
  readonly #limit: number;
  readonly #report: (error: unknown) => void;
  readonly #sets = new Map<number, ChangeSet>();
  readonly #subscriptions = new Set<Subscription>();
  /** The newest revision that was forgotten, or never known. */
  #forgotten: number;
  #size = 0;

  /** @param revision the store's revision now: what was before is not known here. */
  constructor(revision: number, { limit = 1_000, report = warn }: ChangeLogOptions = {}) {
    this.#forgotten = revision;
    this.#limit = limit;
    this.#report = report;
  }

  /** Remembers the set and tells the watchers, before it returns. */
  publish(set: ChangeSet): void {
    this.#sets.set(set.revision, set);
    this.#size += set.changes.length;
    this.#forget();
    for (const subscription of this.#subscriptions) this.#tell(subscription, set);
  }

  /** Tells the watcher of the past before it returns. */
  watch(prefix: string, revision: number, watcher: Watcher): Watch {
    const subscription: Subscription = { prefix, watcher, revision };
    if (revision < this.#forgotten) {
      const reason = `the changes after revision ${revision} are forgotten: those after revision ${this.#forgotten} are known`;
      this.#guard(() => watcher.lost(reason));
      return { close: () => undefined };
    }
    this.#subscriptions.add(subscription);
    // A map gives them in the order of their publication, also those that are added while it is gone through.
    for (const set of this.#sets.values()) this.#tell(subscription, set);
    return { close: () => void this.#subscriptions.delete(subscription) };
  }

  /** What changed up to the revision cannot be told any more: everybody must list again, and is told so. */
  lose(revision: number, reason: string): void {
    this.#sets.clear();
    this.#size = 0;
    this.#forgotten = revision;
    const lost = [...this.#subscriptions];
    this.#subscriptions.clear();
    for (const { watcher } of lost) this.#guard(() => watcher.lost(reason));
  }

  /** No watcher is told anything any more. */
  close(): void {
    this.#subscriptions.clear();
  }

  #forget(): void {
    for (const [revision, set] of this.#sets) {
      if (this.#size <= this.#limit) return;
      this.#sets.delete(revision);
      this.#size -= set.changes.length;
      this.#forgotten = revision;
    }
  }

  #tell(subscription: Subscription, set: ChangeSet): void {
    // A watcher that began while this set was being told has had it from the past already.
    if (set.revision <= subscription.revision || !this.#subscriptions.has(subscription)) return;
    subscription.revision = set.revision;
    const changes = set.changes.filter(({ key }) => key.startsWith(subscription.prefix));
    if (changes.length > 0) this.#guard(() => subscription.watcher.changed({ revision: set.revision, changes }));
  }

  /** A watcher's failure is its own: the transaction is committed, and the others must hear of it. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report(error);
    }
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : messageOf(error), { code: 'NETCTL_WATCHER' });
}
