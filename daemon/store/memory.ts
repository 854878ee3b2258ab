import { unavailable } from '../../src/model/errors.js';
import { ChangeLog } from './changes.js';
import type { ChangeLogOptions } from './changes.js';
import type { Entry, Json, Outcome, Store, Transaction, Watch, Watcher } from './port.js';
import { changesOf, checkOperations, conditionHolds, keysToRead } from './transaction.js';

interface Stored {
  /** JSON text, so that no reader and no writer shares an object with the store. */
  readonly text: string;
  readonly revision: number;
}

/** The Store without a disk: what it holds is gone when it is. */
export class MemoryStore implements Store {
  readonly #entries = new Map<string, Stored>();
  readonly #changes: ChangeLog;
  #revision = 0;
  #closed = false;

  constructor(options: ChangeLogOptions = {}) {
    this.#changes = new ChangeLog(0, options);
  }

  async get(key: string): Promise<Entry | undefined> {
    await this.#open();
    const stored = this.#entries.get(key);
    return stored && toEntry(key, stored);
  }

  async list(prefix: string): Promise<{ entries: readonly Entry[]; revision: number }> {
    await this.#open();
    const entries = [...this.#entries].filter(([key]) => key.startsWith(prefix)).map(([key, stored]) => toEntry(key, stored));
    return { entries: entries.sort(byKey), revision: this.#revision };
  }

  async transact(transaction: Transaction): Promise<Outcome> {
    checkOperations(transaction.operations);
    await this.#open();
    const before = this.#revisionsOf(keysToRead(transaction));
    if (!transaction.conditions.every((condition) => conditionHolds(condition, before))) return { committed: false };
    if (transaction.operations.length === 0) return { committed: true, revision: this.#revision };
    const changes = changesOf(transaction.operations, ++this.#revision, before);
    for (const change of changes) {
      if ('delete' in change) this.#entries.delete(change.key);
      else this.#entries.set(change.key, { text: JSON.stringify(change.put.value), revision: change.put.revision });
    }
    const revision = this.#revision;
    this.#changes.publish({ revision, changes });
    return { committed: true, revision };
  }

  watch(prefix: string, revision: number, watcher: Watcher): Watch {
    return this.#changes.watch(prefix, revision, watcher);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#changes.close();
    return Promise.resolve();
  }

  #revisionsOf(keys: readonly string[]): Map<string, number> {
    const revisions = new Map<string, number>();
    for (const key of keys) {
      const stored = this.#entries.get(key);
      if (stored) revisions.set(key, stored.revision);
    }
    return revisions;
  }

  /** Lets others run first, as a disk would. */
  async #open(): Promise<void> {
    if (this.#closed) throw unavailable('the store is closed');
    return Promise.resolve();
  }
}

function toEntry(key: string, { text, revision }: Stored): Entry {
  return { key, value: JSON.parse(text) as Json, revision };
}

/** By the bytes of UTF-8, as LevelDB and etcd order keys; JavaScript's own order differs beyond U+FFFF. */
function byKey(one: Entry, other: Entry): number {
  return Buffer.compare(Buffer.from(one.key), Buffer.from(other.key));
}
