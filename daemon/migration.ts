import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { conflict, invalid, unavailable } from '../src/model/errors.js';
import { formatStoreAddress, type StoreAddress } from './config/store-address.js';
import { contradictionsOf, replaceDirectory } from './directory-tasks.js';
import { EtcdPlace, refusalWhileInUse, sameValues } from './etcd-place.js';
import { setAside } from './etcd-tasks.js';
import type { StoreConfig } from './open-store.js';
import { lasting } from './store/backup.js';
import { checkFree, readContents, StateInUse } from './store/state-directory.js';
import type { TaskEnd } from './task-end.js';

interface Migration {
  readonly to: StoreAddress;
  readonly force: boolean;
}

/** Copies the whole state from the store into another one, and reads it back. The one that it was copied from stays as it is. @throws NetctlError. */
export async function migrate(config: StoreConfig, { to, force }: Migration, now: Date): Promise<TaskEnd> {
  const { store: from } = config;
  if (from.kind === 'embedded' && to.kind === 'etcd') return intoEtcd(config, to, force, now);
  if (from.kind === 'etcd' && to.kind === 'embedded') return intoDirectory(config, from, force, now);
  throw invalid(`--migrate-state is ${formatStoreAddress(to)} and the state is in ${formatStoreAddress(from)}: it is copied from an embedded store into etcd, or back; between two etcds use --backup and --restore`);
}

async function intoEtcd(config: StoreConfig, to: Extract<StoreAddress, { kind: 'etcd' }>, force: boolean, now: Date): Promise<TaskEnd> {
  const directory = config.state;
  const contents = existsSync(directory) ? await free(directory, () => readContents(directory)) : 'empty';
  if (contents === 'in use') return inUse(directory);
  if (contents === 'empty') throw unavailable(`there is no state in ${directory}: nothing was copied; see --state`);
  const { entries } = lasting({ entries: contents.entries, revision: contents.head.revision });
  const place = new EtcdPlace(config, to);
  try {
    const before = await place.read();
    const refusal = refusalWhileInUse(place.name, before);
    if (refusal) return refusal;
    const aside = setAside(place.name, before, { what: `to put the one in ${directory}`, force, directory }, now);
    await place.replace({ entries });
    return done(entries, directory, place.name, aside, `start netctld with "--store ${formatStoreAddress(to)}"`);
  } finally {
    place.close();
  }
}

async function intoDirectory(config: StoreConfig, from: Extract<StoreAddress, { kind: 'etcd' }>, force: boolean, now: Date): Promise<TaskEnd> {
  const directory = config.state;
  const place = new EtcdPlace(config, from);
  try {
    const found = await place.read();
    if (typeof found === 'string') throw unavailable(`there is no ${found === 'half' ? 'whole ' : ''}state in ${place.name}: nothing was copied`);
    const refusal = refusalWhileInUse(place.name, found);
    if (refusal) return refusal;
    // With the state in etcd the directory has other things of this host.
    const there = existsSync(join(directory, 'CURRENT'));
    if (there && (await free(directory, () => Promise.resolve())) === 'in use') return inUse(directory);
    if (there && !force) throw conflict(`there is a state in ${directory}: to put the one of ${place.name} in its place, which keeps it aside, use --force`);
    const aside = await replaceDirectory(directory, found, 'before-migration', now);
    const written = await readContents(directory);
    if (written === 'empty' || !sameValues(written, found)) throw unavailable(`what is in ${directory} now is not what was written: see to its disk, and repeat this`);
    return done(found.entries, place.name, directory, there ? aside : undefined, 'start netctld without "--store"');
  } finally {
    place.close();
  }
}

function done(entries: Parameters<typeof contradictionsOf>[0], from: string, to: string, aside: string | undefined, next: string): TaskEnd {
  const lines = [
    `${entries.length} entries were copied from ${from} to ${to}, and read back the same`,
    ...(aside === undefined ? [] : [`what was there before is in ${aside}`]),
    ...contradictionsOf(entries),
    `${from} is as it was: ${next}`,
  ];
  return { print: lines.join('\n'), exitCode: 0 };
}

/** Does it if no netctld has the state in the directory open. */
async function free<T>(directory: string, work: () => Promise<T>): Promise<T | 'in use'> {
  try {
    await checkFree(directory);
    return await work();
  } catch (error) {
    if (error instanceof StateInUse) return 'in use';
    throw error;
  }
}

function inUse(directory: string): TaskEnd {
  return { print: `netctld: ${new StateInUse(directory).message}`, exitCode: 3 };
}
