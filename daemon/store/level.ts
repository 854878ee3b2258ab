import { setTimeout } from 'node:timers/promises';
import type { Level } from 'level';
import { messageOf, NetctlError, unavailable } from '../../src/model/errors.js';
import { ChangeLog } from './changes.js';
import type { ChangeLogOptions } from './changes.js';
import { withEntry, withoutEntry } from './digest.js';
import { EntryTable, keep } from './entry-table.js';
import { causeOf, openDatabase } from './level-files.js';
import { changesBatch, readDatabase, storedText, type Contents } from './level-format.js';
import type { Change, Entry, Outcome, Store, Transaction, Watch, Watcher } from './port.js';
import { Serial } from './serial.js';
import { damage, explained, StateInUse, readOrBegin, upgrade } from './state-directory.js';
import { changesOf, checkTransaction, conditionHolds, keysToRead } from './transaction.js';
import { Witness, type Head } from './witness.js';

export interface LevelOptions extends ChangeLogOptions {
  /** Told how many entries there are, once they were read. */
  readonly found?: (entries: number) => void;
}

/**
 * Opens the state in a directory, or begins it there: LevelDB in this process, one process at a time.
 * Every entry is read and compared with what was acknowledged; a state that is refused is left as it was.
 *
 * @throws NetctlError `conflict` if another process has it open, or if a later version wrote it;
 * `unavailable` if it is damaged or cannot be read.
 */
export async function openLevelStore(directory: string, options: LevelOptions = {}): Promise<Store> {
  for (const end = performance.now() + patienceMs; ; await setTimeout(pauseMs)) {
    try {
      return await openOnce(directory, options);
    } catch (error) {
      if (!(error instanceof StateInUse) || performance.now() > end) throw error;
    }
  }
}

/**
 * How long the lock of another is waited for, in milliseconds: who only looks, as a backup does, has it for a moment.
 */
const patienceMs = 1000;
const pauseMs = 20;

async function openOnce(directory: string, options: LevelOptions): Promise<Store> {
  const contents = await readOrBegin(directory);
  options.found?.(contents.entries.length);
  const database = await explained(directory, () => openDatabase(directory, false));
  try {
    if (contents.format === 1) await explained(directory, () => upgrade(database, directory, contents.head));
    const witness = await explained(directory, () => Promise.resolve(Witness.open(directory)));
    return new LevelStore(database, directory, contents, witness, new ChangeLog(contents.head.revision, options));
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A transaction of which it is not known whether the disk has it. */
interface Doubt {
  readonly head: Head;
  readonly changes: readonly Change[];
}

/**
 * The Store in LevelDB. Entries are read from memory, where they were verified; LevelDB is what survives. The head is written
 * with the data, in one synchronous batch, and the witness after it, before the transaction is acknowledged.
 */
class LevelStore implements Store {
  readonly #transactions = new Serial();
  readonly #entries: EntryTable;
  #head: Head;
  #closed = false;
  #doubt: Doubt | undefined;

  constructor(
    private database: Level,
    private readonly directory: string,
    contents: Contents,
    private readonly witness: Witness,
    private readonly changes: ChangeLog,
  ) {
    this.#head = contents.head;
    this.#entries = new EntryTable(contents.entries);
    // After a crash between the two the witness is behind, and after a restart it must not be.
    this.witness.write(this.#head);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    return Promise.resolve(this.#entries.get(key));
  }

  async list(prefix: string): Promise<{ entries: readonly Entry[]; revision: number }> {
    this.#checkOpen();
    return Promise.resolve({ entries: this.#entries.list(prefix), revision: this.#head.revision });
  }

  async transact(transaction: Transaction): Promise<Outcome> {
    checkTransaction(transaction);
    this.#checkOpen();
    return this.#transactions.run(() => this.#carryOut(transaction));
  }

  watch(prefix: string, revision: number, watcher: Watcher): Watch {
    return this.changes.watch(prefix, revision, watcher);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#transactions.idle();
    this.changes.close();
    this.witness.close();
    await this.database.close();
  }

  async #carryOut({ conditions, operations }: Transaction): Promise<Outcome> {
    if (this.#doubt) await this.#resolve(this.#doubt);
    const before = this.#entries.revisionsOf(keysToRead({ conditions, operations }));
    if (!conditions.every((condition) => conditionHolds(condition, before))) return { committed: false };
    const revision = this.#head.revision + (operations.length === 0 ? 0 : 1);
    if (operations.length > 0) await this.#write(changesOf(operations, revision, before), revision);
    return { committed: true, revision };
  }

  async #write(changes: readonly Change[], revision: number): Promise<void> {
    const head = { revision, digest: this.#digestAfter(changes) };
    try {
      await this.database.batch(changesBatch(head, changes), { sync: true });
      this.witness.write(head);
    } catch (error) {
      this.#doubt = { head, changes };
      throw this.#unwritable(error);
    }
    this.#accept({ head, changes });
  }

  #accept({ head, changes }: Doubt): void {
    this.#head = head;
    this.#entries.apply(changes);
    this.changes.publish({ revision: head.revision, changes });
  }

  /**
   * After a failed write LevelDB refuses all others, and whether the last one is on the disk only an opening can tell.
   * Nothing is lost while the disk is full: what was acknowledged before is on it.
   */
  async #resolve(doubt: Doubt): Promise<void> {
    try {
      await this.database.close();
      this.database = await openDatabase(this.directory, false);
      const found = await this.#headOnDisk();
      if (sameHead(found, doubt.head)) this.#accept(doubt);
      else if (!sameHead(found, this.#head)) throw damage(this.directory, `after a failed write, it has revision ${found?.revision ?? 'none'} where ${this.#head.revision} was written`);
      this.witness.write(this.#head);
      this.#doubt = undefined;
    } catch (error) {
      throw error instanceof NetctlError ? error : this.#unwritable(causeOf(error));
    }
  }

  async #headOnDisk(): Promise<Head | undefined> {
    const reading = await readDatabase(this.database);
    return reading.is === 'sound' ? reading.contents.head : undefined;
  }

  #digestAfter(changes: readonly Change[]): bigint {
    let { digest } = this.#head;
    for (const change of changes) {
      const old = this.#entries.kept(change.key);
      if (old) digest = withoutEntry(digest, change.key, storedText(old));
      if ('put' in change) digest = withEntry(digest, change.key, storedText(keep(change.put)));
    }
    return digest;
  }

  #unwritable(error: unknown): NetctlError {
    const reason = messageOf(error);
    const advice = /No space left|File too large|Disk quota/.test(reason) ? 'make room on the disk' : 'see to its disk';
    return unavailable(`the state in ${this.directory} cannot be written: ${reason}; ${advice}, netctld goes on by itself then`, error);
  }

  #checkOpen(): void {
    if (this.#closed) throw unavailable('the store is closed');
  }
}

function sameHead(one: Head | undefined, other: Head): boolean {
  return one?.revision === other.revision && one.digest === other.digest;
}
