import { mkdir } from 'node:fs/promises';
import { Level } from 'level';
import { conflict, messageOf, NetctlError, unavailable } from '../../src/model/errors.js';
import { ChangeLog } from './changes.js';
import type { ChangeLogOptions } from './changes.js';
import type { Change, Entry, Json, Outcome, Store, Transaction, Watch, Watcher } from './port.js';
import { Serial } from './serial.js';
import { changesOf, checkOperations, conditionHolds, keysToRead } from './transaction.js';

/** The version of what is written to the disk. A later version reads the earlier ones and writes its own. */
const formatVersion = 1;
const versionKey = 'meta/version';
const revisionKey = 'meta/revision';
const dataPrefix = 'data/';
/** After every key with the prefix before it: the last code point there is. */
const afterAll = '\u{10FFFF}';

/** How an entry is kept, as JSON under `data/KEY`. */
interface Stored {
  readonly revision: number;
  readonly value: Json;
}

/**
 * Opens the state in a directory, or begins it there: LevelDB in this process, one process at a time.
 *
 * @throws NetctlError `conflict` if another process has it open, or if a later version wrote it;
 * `unavailable` if it cannot be read.
 */
export async function openLevelStore(directory: string, options: ChangeLogOptions = {}): Promise<Store> {
  const database = await openDatabase(directory);
  try {
    const revision = await readFormat(database, directory);
    return new LevelStore(database, directory, revision, new ChangeLog(revision, options));
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openDatabase(directory: string): Promise<Level> {
  try {
    // The state names containers and addresses of all tenants: nobody else's business.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const database = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
    await database.open();
    return database;
  } catch (error) {
    throw openingError(directory, error);
  }
}

function openingError(directory: string, error: unknown): NetctlError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'LEVEL_LOCKED') {
    return conflict(`the state in ${directory} is in use by another netctld: stop it first`);
  }
  if (code === 'LEVEL_CORRUPTION') {
    return unavailable(`the state in ${directory} is damaged (${messageOf(cause)}): restore a copy of the directory, or move it away to begin anew`, error);
  }
  return unavailable(`the state in ${directory} cannot be opened: ${messageOf(cause)}`, error);
}

/** Checks that this version can read what the directory holds, and returns its revision. */
async function readFormat(database: Level, directory: string): Promise<number> {
  const [version, revision] = await database.getMany([versionKey, revisionKey]);
  if (version === undefined) {
    if ((await database.keys({ limit: 1 }).all()).length > 0) {
      throw conflict(`${directory} holds a database that is not netctl's: choose another state directory`);
    }
    await database.batch([put(versionKey, formatVersion), put(revisionKey, 0)], { sync: true });
    return 0;
  }
  const found = Number(version);
  if (found > formatVersion) {
    throw conflict(`the state in ${directory} has format ${found} and this netctld knows formats up to ${formatVersion}: run the newer netctld that wrote it`);
  }
  if (found !== formatVersion || revision === undefined || !Number.isSafeInteger(Number(revision))) {
    throw unavailable(`the state in ${directory} is damaged (format "${version}", revision "${revision ?? 'none'}"): restore a copy of the directory`);
  }
  return Number(revision);
}

/** The Store in LevelDB. The revision is written with the data, in one synchronous batch. */
class LevelStore implements Store {
  readonly #transactions = new Serial();
  #closed = false;
  /** Why nothing is written any more. */
  #failure: NetctlError | undefined;

  constructor(
    private readonly database: Level,
    private readonly directory: string,
    private revision: number,
    private readonly changes: ChangeLog,
  ) {}

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    return this.#read(async () => {
      const text: string | undefined = await this.database.get(dataPrefix + key);
      return text === undefined ? undefined : this.#entry(key, text);
    });
  }

  async list(prefix: string): Promise<{ entries: readonly Entry[]; revision: number }> {
    this.#checkOpen();
    return this.#read(async () => {
      // The entries and the revision of one moment, whatever is being written meanwhile.
      const snapshot = this.database.snapshot();
      try {
        const rows = await this.database.iterator({ gte: dataPrefix + prefix, lt: dataPrefix + prefix + afterAll, snapshot }).all();
        const revision = await this.database.get(revisionKey, { snapshot });
        const entries = rows.map(([key, text]) => this.#entry(key.slice(dataPrefix.length), text));
        return { entries, revision: Number(revision) };
      } finally {
        await snapshot.close();
      }
    });
  }

  async transact(transaction: Transaction): Promise<Outcome> {
    checkOperations(transaction.operations);
    this.#checkOpen();
    return this.#transactions.run(() => this.#carryOut(transaction));
  }

  watch(prefix: string, revision: number, watcher: Watcher): Watch {
    return this.changes.watch(prefix, revision, watcher);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#transactions.idle();
    this.changes.close();
    await this.database.close();
  }

  async #carryOut({ conditions, operations }: Transaction): Promise<Outcome> {
    const before = await this.#revisionsOf(keysToRead({ conditions, operations }));
    if (!conditions.every((condition) => conditionHolds(condition, before))) return { committed: false };
    if (operations.length === 0) return { committed: true, revision: this.revision };
    const revision = this.revision + 1;
    const changes = changesOf(operations, revision, before);
    await this.#write(revision, changes);
    this.revision = revision;
    this.changes.publish({ revision, changes });
    return { committed: true, revision };
  }

  async #revisionsOf(keys: string[]): Promise<Map<string, number>> {
    if (keys.length === 0) return new Map();
    return this.#read(async () => {
      const texts: (string | undefined)[] = await this.database.getMany(keys.map((key) => dataPrefix + key));
      return new Map(keys.flatMap((key, i) => (texts[i] === undefined ? [] : [[key, this.#entry(key, texts[i]).revision] as const])));
    });
  }

  async #write(revision: number, changes: readonly Change[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    try {
      await this.database.batch([put(revisionKey, revision), ...changes.map(toBatch)], { sync: true });
    } catch (error) {
      // Whether the batch is on the disk is unknown, and with it the next revision: only opening the state anew can tell.
      this.#failure = unavailable(
        `the state in ${this.directory} cannot be written: ${messageOf(error)}; see whether the disk is full, then restart netctld`,
        error,
      );
      throw this.#failure;
    }
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof NetctlError) throw error;
      throw unavailable(`the state in ${this.directory} cannot be read: ${messageOf(error)}`, error);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw unavailable('the store is closed');
  }

  #entry(key: string, text: string): Entry {
    try {
      const { revision, value } = JSON.parse(text) as Stored;
      return { key, value, revision };
    } catch (error) {
      throw unavailable(`the entry "${key}" of the state in ${this.directory} is damaged: ${messageOf(error)}`, error);
    }
  }
}

function put(key: string, value: unknown): { type: 'put'; key: string; value: string } {
  return { type: 'put', key, value: JSON.stringify(value) };
}

function toBatch(change: Change): { type: 'put'; key: string; value: string } | { type: 'del'; key: string } {
  if ('delete' in change) return { type: 'del', key: dataPrefix + change.key };
  const { revision, value } = change.put;
  return put(dataPrefix + change.key, { revision, value } satisfies Stored);
}
