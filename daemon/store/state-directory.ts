import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Level } from 'level';
import { conflict, messageOf, NetctlError, unavailable } from '../../src/model/errors.js';
import { newestCopy } from './copies.js';
import { emptyDigest } from './digest.js';
import { causeOf, isInUse, openDatabase, readState, removeLeftovers } from './level-files.js';
import { contentsBatch, formatVersion, upgradeBatch, type Contents, type Reading } from './level-format.js';
import { Witness, type Head } from './witness.js';

/** Another process has the state open. */
export class StateInUse extends NetctlError {
  constructor(directory: string) {
    super('conflict', `the state in ${directory} is in use by another netctld: stop it first`);
  }
}

/**
 * What a directory holds; nothing is changed in it.
 * @throws NetctlError `conflict` if a netctld has it open, `unavailable` if it cannot be read.
 */
export async function examine(directory: string): Promise<Reading> {
  return explained(directory, async () => {
    await checkFree(directory);
    return readState(directory);
  });
}

/** @throws NetctlError `conflict` if a netctld has the state open. */
export async function checkFree(directory: string): Promise<void> {
  if (await isInUse(directory)) throw new StateInUse(directory);
}

/**
 * The whole state of a directory, which is not changed.
 * @throws NetctlError as `openLevelStore` does.
 */
export async function readContents(directory: string): Promise<Contents | 'empty'> {
  return accepted(directory, await examine(directory));
}

/** A copy that is made while the database is written may have files of different moments; then the next one is tried. */
const mostAttempts = 20;

/**
 * The whole state of a directory, also while a netctld works with it: as it is at one revision.
 * @throws NetctlError as `openLevelStore` does, but for its use by another.
 */
export async function readContentsInUse(directory: string): Promise<Contents | 'empty'> {
  for (let attempt = 1; ; attempt++) {
    const inUse = await isInUse(directory);
    try {
      return accepted(directory, await explained(directory, () => readState(directory)));
    } catch (error) {
      if (!inUse || attempt === mostAttempts) throw error;
    }
  }
}

/**
 * Writes a whole state into a directory that has none.
 * @throws NetctlError `unavailable` if it cannot be written.
 */
export async function writeContents(directory: string, contents: Omit<Contents, 'format'>): Promise<void> {
  await explained(directory, async () => {
    // The state names containers and addresses of all tenants: nobody else's business.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // The witness comes first, and says that nothing was acknowledged: so a beginning that was cut short is told from a loss.
    Witness.create(directory, { revision: 0, digest: emptyDigest });
    const database = await openDatabase(directory, true);
    try {
      await database.batch(contentsBatch(contents), { sync: true });
    } finally {
      await database.close();
    }
    if (contents.head.revision > 0) Witness.create(directory, contents.head);
  });
}

/** The state of a directory; one without entries is begun if there is none. */
export async function readOrBegin(directory: string): Promise<Contents> {
  await explained(directory, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await removeLeftovers(directory);
  });
  const contents = await readContents(directory);
  if (contents !== 'empty') return contents;
  if (existsSync(`${directory}.restoring`)) throw unavailable(`the state in ${directory} is missing, and a restoration of it did not end: repeat "netctld --restore FILE"`);
  const head = { revision: 0, digest: emptyDigest };
  await writeContents(directory, { head, entries: [] });
  return { format: 2, head, entries: [] };
}

/** Makes version 2 of version 1. The witness is written first: version 2 is never without one. */
export async function upgrade(database: Level, directory: string, head: Head): Promise<void> {
  Witness.create(directory, head);
  await database.batch(upgradeBatch(head), { sync: true });
}

function accepted(directory: string, reading: Reading): Contents | 'empty' {
  switch (reading.is) {
    case 'sound':
      return reading.contents;
    case 'empty':
      return 'empty';
    case 'foreign':
      throw conflict(`${directory} holds a database that is not netctl's: choose another state directory`);
    case 'later':
      throw conflict(`the state in ${directory} has format ${reading.format} and this netctld knows formats up to ${formatVersion}: run the newer netctld that wrote it`);
    case 'damaged':
      throw damage(directory, reading.problem);
  }
}

export function damage(directory: string, problem: string): NetctlError {
  const copy = newestCopy(directory);
  const wayOut = copy === undefined ? 'restore a backup with "netctld --restore FILE --force"' : `restore a backup or the newest copy with "netctld --restore ${copy} --force"`;
  return unavailable(`the state in ${directory} is damaged (${problem}) and was left as it is: see "netctld --check-state", then ${wayOut}`);
}

/** Does what may fail with LevelDB's or the system's own words, and says them in ours. */
export async function explained<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NetctlError) throw error;
    const cause = causeOf(error);
    if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED') {
      throw new StateInUse(directory);
    }
    throw unavailable(`the state in ${directory} cannot be opened: ${messageOf(cause)}${/ENOSPC|No space left/.test(messageOf(cause)) ? '; make room on the disk' : ''}`, error);
  }
}
