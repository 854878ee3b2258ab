import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { conflict, messageOf, unavailable } from '../src/model/errors.js';
import { checkEntries } from './check-state.js';
import { formatBackup, lasting, readBackup, writeBackup, type Backup } from './store/backup.js';
import { newestCopy } from './store/copies.js';
import { EntryTable } from './store/entry-table.js';
import { digestOf, type KeptEntry, type Reading } from './store/level-format.js';
import { checkFree, examine, readContentsInUse, StateInUse, writeContents } from './store/state-directory.js';
import type { StateTask, TaskEnd } from './task-end.js';

const hostIdFile = 'host-id';

/** Carries out what concerns the state in a directory while netctld is down; a backup also while it runs. @throws NetctlError. */
export async function runDirectoryTask(task: StateTask, directory: string, now: Date): Promise<TaskEnd> {
  try {
    switch (task.do) {
      case 'check-state':
        return await checkState(directory);
      case 'backup':
        return await backup(directory, task.file, now);
      case 'repair-state':
        return await repair(directory, now);
      case 'restore':
        return await restore(directory, task.file, task.force, now);
    }
  } catch (error) {
    if (error instanceof StateInUse) return { print: `netctld: ${error.message}`, exitCode: 3 };
    throw error;
  }
}

async function checkState(directory: string): Promise<TaskEnd> {
  if (!existsSync(directory)) return { print: `state in ${directory}: there is none`, exitCode: 0 };
  const reading = await examine(directory);
  const { title, entries, sound } = described(reading);
  const { counts, contradictions } = checkEntries(entries);
  const copy = newestCopy(directory);
  const lines = [
    `state in ${directory}: ${title}`,
    ...(sound && entries.length === 0 ? [] : Object.entries(counts).map(([word, count]) => `${sound ? '' : 'can still be read: '}${count} ${word}`)),
    ...contradictions.map((sentence) => `contradiction: ${sentence}`),
    ...(copy === undefined ? [] : [`newest copy: ${copy}`]),
    ...(sound ? [] : [`way out: netctld --restore ${copy ?? 'BACKUP'} --force${entries.length > 0 ? ', or netctld --repair-state, which keeps what can be read' : ''}`]),
  ];
  return { print: lines.join('\n'), exitCode: sound && contradictions.length === 0 ? 0 : 1 };
}

function described(reading: Reading): { title: string; entries: readonly KeptEntryOf[]; sound: boolean } {
  switch (reading.is) {
    case 'sound':
      return { title: `sound, format ${reading.contents.format}, revision ${reading.contents.head.revision}`, entries: listed(reading.contents.entries), sound: true };
    case 'empty':
      return { title: 'empty', entries: [], sound: true };
    case 'damaged':
      return { title: `damaged: ${reading.problem}`, entries: listed(reading.entries), sound: false };
    case 'later':
      return { title: `of format ${reading.format}, which only a newer netctld can read`, entries: [], sound: false };
    case 'foreign':
      return { title: "not netctl's: it is the database of another program", entries: [], sound: false };
  }
}

type KeptEntryOf = ReturnType<typeof listed>[number];

function listed(entries: readonly KeptEntry[]) {
  return new EntryTable(entries).list('');
}

async function backup(directory: string, file: string, now: Date): Promise<TaskEnd> {
  const contents = existsSync(directory) ? await readContentsInUse(directory) : 'empty';
  if (contents === 'empty') throw unavailable(`there is no state in ${directory}: nothing was written; see --state`);
  const { entries, head } = contents;
  writeBackup(resolve(file), formatBackup({ revision: head.revision, entries }, now.toISOString()));
  return { print: `${entries.length} entries of revision ${head.revision} are in ${file}`, exitCode: 0 };
}

async function restore(directory: string, file: string, force: boolean, now: Date): Promise<TaskEnd> {
  const { revision, entries } = lasting(await readBackup(resolve(file)));
  const there = existsSync(directory) && readdirSync(directory).length > 0;
  if (there) await checkFree(directory);
  if (there && !force) throw conflict(`there is a state in ${directory}: to restore ${file} in its place, which keeps it aside, use --force`);
  const aside = await replaceDirectory(directory, { revision, entries }, 'before-restore', now);
  const lines = [
    `${entries.length} entries of revision ${revision} were restored from ${file}`,
    ...(there ? [`what was there before is in ${aside}`] : []),
    ...contradictionsOf(entries),
  ];
  return { print: lines.join('\n'), exitCode: 0 };
}

/** Keeps what can be read, and says what is known to be lost: what exactly it was, nobody can tell. */
async function repair(directory: string, now: Date): Promise<TaskEnd> {
  const reading = existsSync(directory) ? await examine(directory) : undefined;
  if (reading?.is !== 'damaged') throw conflict(`the state in ${directory} is not damaged: there is nothing to repair; see "netctld --check-state"`);
  const { entries, problem } = reading;
  if (entries.length === 0) throw unavailable(`nothing of the state in ${directory} can be read (${problem}): restore a backup or a copy with "netctld --restore FILE --force"`);
  const copy = newestCopy(directory);
  const missing = copy === undefined ? [] : (await readBackup(copy)).entries.map(([key]) => key).filter((key) => !entries.some(([kept]) => kept === key));
  const revision = Math.max(...entries.map(([, kept]) => kept.revision));
  const aside = await replaceDirectory(directory, { revision, entries }, 'before-repair', now);
  const lines = [
    `${entries.length} entries up to revision ${revision} were kept`,
    `what was wrong: ${problem}`,
    ...missing.map((key) => `not there, and in the newest copy: ${key}`),
    ...contradictionsOf(entries),
    `what was there before, with its copies, is in ${aside}`,
  ];
  return { print: lines.join('\n'), exitCode: 0 };
}

/** Makes the new state beside the old one, which is moved aside, and then puts it in its place. Where the old one is. */
export async function replaceDirectory(directory: string, { revision, entries }: Backup, word: string, now: Date): Promise<string> {
  const draft = `${directory}.restoring`;
  rmSync(draft, { recursive: true, force: true });
  await writeContents(draft, { head: { revision, digest: digestOf(entries) }, entries });
  // What tells this machine from another of its name is no part of the state.
  if (existsSync(join(directory, hostIdFile))) copyFileSync(join(directory, hostIdFile), join(draft, hostIdFile));
  const aside = `${directory}.${word}-${now.toISOString().replaceAll(':', '')}`;
  try {
    if (existsSync(directory)) renameSync(directory, aside);
    renameSync(draft, directory);
  } catch (error) {
    throw unavailable(`the new state is in ${draft} and could not be moved to ${directory}: ${messageOf(error)}; move it yourself`, error);
  }
  return aside;
}

export function contradictionsOf(entries: readonly KeptEntry[]): string[] {
  return checkEntries(listed(entries)).contradictions.map((sentence) => `contradiction: ${sentence}`);
}
