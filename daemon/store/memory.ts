import { unavailable } from '../../src/model/errors.js';
import { ChangeLog } from './changes.js';
import type { ChangeLogOptions } from './changes.js';
import { EntryTable } from './entry-table.js';
import type { Entry, Outcome, Store, Transaction, Watch, Watcher } from './port.js';
import { changesOf, checkTransaction, conditionHolds, keysToRead } from './transaction.js';

/** The Store without a disk: what it holds is gone when it is. */
export class MemoryStore implements Store {
  readonly #entries = new EntryTable();
  readonly #changes: ChangeLog;
  #revision = 0;
  #closed = false;

  constructor(options: ChangeLogOptions = {}) {
    this.#changes = new ChangeLog(0, options);
  }

  async get(key: string): Promise<Entry | undefined> {
    await this.#open();
    return this.#entries.get(key);
  }

  async list(prefix: string): Promise<{ entries: readonly Entry[]; revision: number }> {
    await this.#open();
    return { entries: this.#entries.list(prefix), revision: this.#revision };
  }

  async transact(transaction: Transaction): Promise<Outcome> {
    checkTransaction(transaction);
    await this.#open();
    const before = this.#entries.revisionsOf(keysToRead(transaction));
    if (!transaction.conditions.every((condition) => conditionHolds(condition, before))) return { committed: false };
    if (transaction.operations.length === 0) return { committed: true, revision: this.#revision };
    const revision = ++this.#revision;
    const changes = changesOf(transaction.operations, revision, before);
    this.#entries.apply(changes);
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

  /** Lets others run first, as a disk would. */
  async #open(): Promise<void> {
    if (this.#closed) throw unavailable('the store is closed');
    return Promise.resolve();
  }
}
