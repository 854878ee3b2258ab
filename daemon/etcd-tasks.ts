import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { conflict, invalid, unavailable } from '../src/model/errors.js';
import { checkEntries } from './check-state.js';
import type { StoreAddress } from './config/store-address.js';
import { contradictionsOf } from './directory-tasks.js';
import { EtcdPlace, refusalWhileInUse } from './etcd-place.js';
import type { StoreConfig } from './open-store.js';
import { formatBackup, lasting, readBackup, writeBackup, type Backup } from './store/backup.js';
import { EntryTable } from './store/entry-table.js';
import { formatVersion } from './store/etcd-state.js';
import type { StateTask, TaskEnd } from './task-end.js';

/** Carries out what concerns the state in an etcd; to check it or back it up, netctld may run meanwhile. @throws NetctlError. */
export async function runEtcdTask(task: StateTask, config: StoreConfig, store: Extract<StoreAddress, { kind: 'etcd' }>, now: Date): Promise<TaskEnd> {
  if (task.do === 'repair-state') throw invalid('--repair-state is for the embedded store: what is in etcd, etcd keeps whole; restore one of its snapshots, or a backup with --restore');
  const place = new EtcdPlace(config, store);
  try {
    switch (task.do) {
      case 'check-state':
        return await check(place);
      case 'backup':
        return await backup(place, task.file, now);
      case 'restore':
        return await restore(place, task, config.state, now);
    }
  } finally {
    place.close();
  }
}

async function check(place: EtcdPlace): Promise<TaskEnd> {
  const found = await place.read();
  if (found === 'none') return { print: `state in ${place.name}: there is none`, exitCode: 0 };
  if (found === 'half') return { print: `state in ${place.name}: only half there\nway out: netctld --restore BACKUP --force`, exitCode: 1 };
  const { counts, contradictions } = checkEntries(new EntryTable(found.entries).list(''));
  const lines = [
    `state in ${place.name}: sound, format ${formatVersion}, revision ${found.revision}`,
    ...(found.entries.length === 0 ? [] : Object.entries(counts).map(([word, count]) => `${count} ${word}`)),
    ...contradictions.map((sentence) => `contradiction: ${sentence}`),
  ];
  return { print: lines.join('\n'), exitCode: contradictions.length === 0 ? 0 : 1 };
}

async function backup(place: EtcdPlace, file: string, now: Date): Promise<TaskEnd> {
  const found = await place.read();
  if (typeof found === 'string') throw unavailable(`there is no ${found === 'half' ? 'whole ' : ''}state in ${place.name}: nothing was written`);
  const kept = lasting(found);
  writeBackup(resolve(file), formatBackup(kept, now.toISOString()));
  return { print: `${kept.entries.length} entries of revision ${kept.revision} are in ${file}`, exitCode: 0 };
}

async function restore(place: EtcdPlace, { file, force }: { readonly file: string; readonly force: boolean }, directory: string, now: Date): Promise<TaskEnd> {
  const { revision, entries } = lasting(await readBackup(resolve(file)));
  const before = await place.read();
  const refusal = refusalWhileInUse(place.name, before);
  if (refusal) return refusal;
  const aside = setAside(place.name, before, { what: `to restore ${file}`, force, directory }, now);
  await place.replace({ entries });
  const lines = [`${entries.length} entries of revision ${revision} were restored from ${file}`, ...(aside === undefined ? [] : [`what was there before is in ${aside}`]), ...contradictionsOf(entries)];
  return { print: lines.join('\n'), exitCode: 0 };
}

/**
 * Keeps in a file what is going to be replaced. The file; undefined if there was nothing.
 * @throws NetctlError `conflict` if there is something, and that was not forced.
 */
export function setAside(name: string, before: Backup | 'none' | 'half', { what, force, directory }: { readonly what: string; readonly force: boolean; readonly directory: string }, now: Date): string | undefined {
  const entries = typeof before === 'string' ? [] : before.entries;
  if (before === 'none' || (entries.length === 0 && before !== 'half')) return undefined;
  if (!force) throw conflict(`there is a state in ${name}: ${what} in its place, which keeps it in a file, use --force`);
  if (typeof before === 'string') return undefined;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, `etcd-before-${now.toISOString().replaceAll(':', '')}.jsonl`);
  writeBackup(file, formatBackup(before, now.toISOString()));
  return file;
}
