import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { messageOf } from '../../src/model/errors.js';
import { readDatabase, type Reading } from './level-format.js';
import { faultOfTable } from './table-file.js';
import { readWitness, type Head } from './witness.js';

/** Not compressed: only so can the places of all blocks be read, and their checksums be checked. */
const options = {
  ...{ keyEncoding: 'utf8', valueEncoding: 'utf8', compression: false },
  // By default LevelDB keeps 8 MiB of what was read and 4 to 8 MiB of what was written last. All that is asked for is in memory anyway.
  ...{ cacheSize: 2 ** 20, writeBufferSize: 2 ** 20 },
} as const;

/** How often a copy is begun while files come and go: LevelDB makes a new one for each megabyte that is written. */
const mostAttempts = 100;

/** Something about the directory, not about what is written in it. */
const outerReasons = /No space left|Read-only file system|Permission denied|Too many open files|Input\/output error|Cannot allocate memory/;

export async function openDatabase(directory: string, createIfMissing: boolean): Promise<Level> {
  const database = new Level(directory, { ...options, createIfMissing });
  await database.open();
  return database;
}

/** What LevelDB says, and not that abstract-level could not open it. */
export function causeOf(error: unknown): unknown {
  const isWrapper = error instanceof Error && 'code' in error && error.code === 'LEVEL_DATABASE_NOT_OPEN';
  return isWrapper && error.cause instanceof Error ? error.cause : error;
}

/**
 * Whether another process has the database open. LevelDB takes its lock before anything else; told that the
 * database must not exist, it then gives up without having changed anything.
 */
export async function isInUse(directory: string): Promise<boolean> {
  const database = new Level(directory, { ...options, createIfMissing: false, errorIfExists: true });
  try {
    await database.open();
    await database.close();
    return false;
  } catch (error) {
    const cause = causeOf(error);
    return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
  }
}

/**
 * Reads the state of a directory, and changes nothing in it: LevelDB rewrites its files whenever it opens them, and leaves
 * out then what it cannot read, so what is opened is a copy made of links. LevelDB never writes into a file of an earlier opening.
 * @throws Error if the directory cannot be read, or the copy not be made: nothing is said of the state then.
 */
export async function readState(directory: string): Promise<Reading> {
  const copy = join(directory, `verify-${process.pid}`);
  try {
    for (let attempt = 1; ; attempt += 1) {
      const witness = readWitness(directory);
      const names = await filesIn(directory);
      if (!names.includes('CURRENT')) return withoutDatabase(names, witness);
      if (await isCopied(directory, names, copy, attempt === mostAttempts)) return judge(await readCopy(copy), witness);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Removes what readers that were killed left behind. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, pid] = /^verify-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** A directory that was never finished, after a crash for instance, is empty; one that lost its files is not. */
function withoutDatabase(names: readonly string[], witness: Head | 'missing' | 'damaged'): Reading {
  const neverWritten = typeof witness === 'object' ? witness.revision === 0 : witness === 'missing' && names.every((name) => name.startsWith('MANIFEST'));
  return neverWritten ? { is: 'empty' } : { is: 'damaged', problem: 'the file CURRENT is missing', entries: [] };
}

async function readCopy(copy: string): Promise<Reading> {
  const fault = await removeFaultyTables(copy);
  let database: Level;
  try {
    database = await openDatabase(copy, false);
  } catch (error) {
    const reason = messageOf(causeOf(error)).replaceAll(`${copy}/`, '');
    if (outerReasons.test(reason)) throw new Error(reason, { cause: error });
    return { is: 'damaged', problem: fault ?? reason, entries: [] };
  }
  try {
    return await readDatabase(database);
  } finally {
    await database.close();
  }
}

/**
 * What is wrong with a table, if one was faulty. LevelDB refuses a database that lacks a table which belongs to it; and one that does
 * not belong to it may be as it likes: an opening that was killed leaves its table half written, and its data still in the log.
 */
async function removeFaultyTables(copy: string): Promise<string | undefined> {
  let first: string | undefined;
  for (const name of await readdir(copy)) {
    const fault = /\.(ldb|sst)$/.test(name) ? faultOfTable(await readFile(join(copy, name))) : undefined;
    if (fault === undefined) continue;
    await rm(join(copy, name));
    first ??= `of the file ${name}, ${fault}`;
  }
  return first;
}

/** Compares what the database holds with what was acknowledged. */
function judge(reading: Reading, witness: Head | 'missing' | 'damaged'): Reading {
  if (reading.is === 'empty' || reading.is === 'foreign') {
    if (witness === 'missing' || (reading.is === 'empty' && typeof witness === 'object' && witness.revision === 0)) return reading;
    return { is: 'damaged', problem: 'all of its entries are missing', entries: [] };
  }
  if (reading.is !== 'sound' || reading.contents.format === 1) return reading;
  const { head, entries } = reading.contents;
  const problem = problemOf(head, witness);
  return problem === undefined ? reading : { is: 'damaged', problem, entries };
}

function problemOf(head: Head, witness: Head | 'missing' | 'damaged'): string | undefined {
  if (typeof witness === 'string') return `the file COMMITTED, which says what was written last, is ${witness}`;
  const missing = witness.revision - head.revision;
  if (missing > 0) return `${missing === 1 ? `revision ${witness.revision} is` : `revisions ${head.revision + 1} to ${witness.revision} are`} missing`;
  if (missing === 0 && witness.digest !== head.digest) return `revision ${head.revision} is not the one that was written`;
  return undefined;
}

/** The files of the database, in order. */
async function filesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => /^(CURRENT|MANIFEST-\d+|\d+\.(ldb|sst|log))$/.test(name)).sort();
}

/**
 * A database that is written begins new files and deletes old ones, between any two looks at it. The copy is of one moment if there are the
 * same files afterwards: a file is made before MANIFEST says so, and deleted after that. What goes on being written, MANIFEST, is copied itself.
 * @returns whether it is of one moment; on the last attempt in any case.
 */
async function isCopied(directory: string, names: readonly string[], copy: string, isLast: boolean): Promise<boolean> {
  await rm(copy, { recursive: true, force: true });
  await mkdir(copy, { mode: 0o700 });
  try {
    for (const name of names) await (/^\d/.test(name) ? linkOrCopy : copyFile)(join(directory, name), join(copy, name));
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isGone && !isLast) return false;
    throw error;
  }
  return isLast || (await filesIn(directory)).join() === names.join();
}

/** Some file systems have no links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'].includes(String(code))) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
