import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { NetctlError } from '../../src/model/errors.js';
import { loadConfig } from '../../daemon/config.js';
import { openStore } from '../../daemon/open-store.js';
import { runStateTask } from '../../daemon/state-tasks.js';
import { isShared, type Json, type Operation, type SharedStore, type Store } from '../../daemon/store/port.js';
import { startEtcd } from '../support/etcd.js';

// What a person does with a state that is in etcd: check it, back it up, restore it, move it there and back.

t.setTimeout(60_000);
const base = mkdtempSync(join('/dev/shm', 'netctl-etcd-tasks-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
const [member] = await startEtcd(t);
const etcd = `etcd://${member?.endpoint ?? ''}`;
const name = `etcd at ${member?.endpoint ?? ''} below /netctl/`;
const directory = join(base, 'state');
const backup = join(base, 'backup.jsonl');

function configOf(...args: string[]) {
  const loaded = loadConfig(['--state', directory, ...args], {}, 'test');
  if ('print' in loaded) throw new Error('there is no configuration');
  return loaded;
}

/** What the program does, in this process. */
async function netctld(...args: string[]): Promise<{ exitCode: number; print: string }> {
  try {
    const { config, task } = configOf(...args);
    if (!task || task.do === 'fault-points') throw new Error('there is no such task');
    return await runStateTask(task, config, new Date());
  } catch (error) {
    if (!(error instanceof NetctlError)) throw error;
    return { exitCode: error.code === 'invalid' ? 2 : 1, print: error.message };
  }
}

async function withStore<T>(args: readonly string[], work: (store: Store | SharedStore) => Promise<T>): Promise<T> {
  const store = await openStore(configOf(...args).config, { report: (error) => t.error(error), away: () => undefined, back: () => undefined });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
const valuesIn = (...args: string[]): Promise<unknown> => withStore(args, async (store) => (await store.list('')).entries.map(({ key, value }) => [key, value]));

const put = (key: string, value: Record<string, Json>): Operation => ({ key, put: value });
const objects = [
  put('tenants/default', { v: 1, name: 'default' }),
  put('networks/default/n', { v: 1, tenant: 'default', name: 'n', vni: 1, ipv4: { prefix: '10.1.1.0/24' } }),
  put('vnis/1', { tenant: 'default', network: 'n' }),
  ...Array.from({ length: 120 }, (_, i) => put(`allocations/default/n/10.1.1.${i + 1}`, { v: 1, tenant: 'default', network: 'n', address: `10.1.1.${i + 1}`, owner: { kind: 'resting' }, since: 0 })),
];

t.test('from a directory into etcd', async (t) => {
  t.match(await netctld('--migrate-state', etcd), { exitCode: 1, print: /^there is no state in .*: nothing was copied/ });
  t.match(await netctld('--store', etcd, '--check-state'), { exitCode: 0, print: `state in ${name}: there is none` });
  t.match(await netctld('--store', etcd, '--backup', backup), { exitCode: 1, print: /^there is no state in / });
  await withStore([], async (store) => {
    t.notOk(isShared(store));
    await store.transact({ conditions: [], operations: objects });
    t.match(await netctld('--migrate-state', etcd), { exitCode: 3, print: /is in use by another netctld: stop it first/ });
  });
  const before = await valuesIn();
  t.match(await netctld('--migrate-state', etcd), { exitCode: 0, print: `123 entries were copied from ${directory} to ${name}, and read back the same\n${directory} is as it was: start netctld with "--store ${etcd}"` });
  t.same(await valuesIn('--store', etcd), before);
  t.same(await valuesIn(), before, 'the directory is as it was');
  t.match(await netctld('--store', etcd, '--check-state'), { exitCode: 0, print: new RegExp(`^state in ${name}: sound, format 1, revision \\d+\n1 tenants\n1 networks\n0 services\n0 endpoints\n120 addresses\n`) });
  t.match(await netctld('--migrate-state', etcd), { exitCode: 1, print: /^there is a state in etcd .*: to put the one in .* in its place, which keeps it in a file, use --force$/ });
});

t.test('a backup of what is in etcd, and its restoration', async (t) => {
  const before = await valuesIn('--store', etcd);
  await withStore(['--store', etcd], async (store) => {
    if (!isShared(store)) throw new Error('etcd is not shared');
    const presence = await store.announce('presences/h7', { v: 1, host: 'h7' }, 2);
    t.match(await netctld('--store', etcd, '--backup', backup), { exitCode: 0, print: /^123 entries of revision \d+ are in / }, 'a backup needs no pause');
    t.match(await netctld('--store', etcd, '--restore', backup, '--force'), { exitCode: 3, print: `netctld: the state in ${name} is in use by the netctld of h7: stop it first, and wait as long as its lease lasts (10 s by default)` });
    await store.transact({ conditions: [], operations: [{ key: 'presences/h7', delete: true }, put('tenants/blue', { v: 1, name: 'blue' })] });
    presence.close();
  });
  t.notMatch(readFileSync(backup, 'utf8'), /presences/, 'who was there is not kept');
  t.match(await netctld('--store', etcd, '--restore', backup), { exitCode: 1, print: /^there is a state in etcd .*: to restore .* use --force$/ });
  t.match(await netctld('--store', etcd, '--restore', backup, '--force'), { exitCode: 0, print: new RegExp(`^123 entries of revision \\d+ were restored from ${backup}\nwhat was there before is in ${directory}/etcd-before-`) });
  t.same(await valuesIn('--store', etcd), before);
  const aside = readdirSync(directory).find((file) => file.startsWith('etcd-before-'));
  t.match(readFileSync(join(directory, aside ?? ''), 'utf8'), /tenants\/blue/, 'what was there before was kept');
  t.match(await netctld('--store', etcd, '--repair-state'), { exitCode: 2, print: /^--repair-state is for the embedded store/ });
});

t.test('who runs while a state is restored writes into neither', async (t) => {
  await withStore(['--store', etcd], async (store) => {
    t.match(await netctld('--store', etcd, '--restore', backup, '--force'), { exitCode: 0 });
    await t.rejects(store.transact({ conditions: [], operations: [put('tenants/green', { v: 1, name: 'green' })] }), { code: 'unavailable' });
  });
  t.notMatch(JSON.stringify(await valuesIn('--store', etcd)), /green/);
});

t.test('from etcd back into a directory', async (t) => {
  const before = await valuesIn('--store', etcd);
  t.match(await netctld('--store', etcd, '--migrate-state', 'embedded'), { exitCode: 1, print: /^there is a state in .*, which keeps it aside, use --force$/ });
  writeFileSync(join(directory, 'host-id'), 'one of its own\n');
  t.match(await netctld('--store', etcd, '--migrate-state', 'embedded', '--force'), { exitCode: 0, print: new RegExp(`^123 entries were copied from ${name} to ${directory}, and read back the same\nwhat was there before is in ${directory}\\.before-migration-.*\n${name} is as it was: start netctld without "--store"$`) });
  t.same(await valuesIn(), before);
  t.equal(readFileSync(join(directory, 'host-id'), 'utf8'), 'one of its own\n', 'the machine is the same');
  rmSync(directory, { recursive: true });
  t.match(await netctld('--store', etcd, '--migrate-state', 'embedded'), { exitCode: 0 });
  t.same(await valuesIn(), before, 'where there is none, nothing need be forced');
  t.ok(existsSync(join(directory, 'COMMITTED')));
});

t.test('what is refused', async (t) => {
  t.match(await netctld('--migrate-state', 'embedded'), { exitCode: 2, print: /^--migrate-state is embedded and the state is in embedded: it is copied from an embedded store into etcd, or back/ });
  t.match(await netctld('--store', etcd, '--migrate-state', 'etcd://127.0.0.1:1'), { exitCode: 2, print: /between two etcds use --backup and --restore$/ });
  t.match(await netctld('--store', etcd, '--etcd-ca', '/nowhere/ca.pem', '--check-state'), { exitCode: 2, print: /^etcd-ca is \/nowhere\/ca\.pem, which cannot be read: ENOENT/ });
  t.match(await netctld('--store', 'etcd://127.0.0.1:1', '--check-state'), { exitCode: 1, print: /^etcd at 127\.0\.0\.1:1 does not answer \(.*ECONNREFUSED.*\)/ });
});
