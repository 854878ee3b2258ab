import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { NetctlError } from '../../src/model/errors.js';
import { checkEntries } from '../../daemon/check-state.js';
import { loadConfig } from '../../daemon/config.js';
import { runStateTask } from '../../daemon/state-tasks.js';
import { copyState } from '../../daemon/store/copies.js';
import { openLevelStore } from '../../daemon/store/level.js';
import { MemoryStore } from '../../daemon/store/memory.js';
import type { Json, Operation, Store } from '../../daemon/store/port.js';
import { netctldFile } from '../support/programs.js';

// What a person does with a state: check it, back it up, restore it, repair it, by the program itself.

const base = mkdtempSync(join('/dev/shm', 'netctl-store-tasks-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
const state = join(base, 'state');
const backup = join(base, 'backup.jsonl');

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program itself. It takes a second to start, so most tests do without. */
function program(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [netctldFile, '--state', state, ...args], (error, stdout, stderr) => resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr }));
  });
}

/** What the program does, in this process. */
async function runIn(directory: string, ...args: string[]): Promise<Ended> {
  try {
    const loaded = loadConfig(['--state', directory, ...args], {}, 'test');
    if (!('config' in loaded) || !loaded.task || loaded.task.do === 'fault-points') throw new Error('there is no such task');
    const { print, exitCode } = await runStateTask(loaded.task, loaded.config, new Date());
    return { exitCode, stdout: `${print}\n`, stderr: '' };
  } catch (error) {
    if (!(error instanceof NetctlError)) throw error;
    return { exitCode: error.code === 'invalid' ? 2 : 1, stdout: '', stderr: `netctld: ${error.message}\n` };
  }
}
const netctld = (...args: string[]) => runIn(state, ...args);

const put = (key: string, value: Record<string, Json>): Operation => ({ key, put: value });
const objects = [
  put('tenants/default', { v: 1, name: 'default' }),
  put('networks/default/n', { v: 1, tenant: 'default', name: 'n', vni: 1, ipv4: { prefix: '10.1.1.0/24' } }),
  put('vnis/1', { tenant: 'default', network: 'n' }),
  put('services/default/w', { v: 1, tenant: 'default', name: 'w', network: 'n', selectors: [], ports: [], addresses: ['10.1.1.1'] }),
  put('allocations/default/n/10.1.1.1', { v: 1, tenant: 'default', network: 'n', address: '10.1.1.1', owner: { kind: 'service', name: 'w' }, since: 0 }),
];
const commit = (store: Store, ...operations: Operation[]) => store.transact({ conditions: [], operations });

async function contents(): Promise<unknown> {
  const store = await openLevelStore(state);
  const list = await store.list('');
  await store.close();
  return list;
}

t.setTimeout(120_000);

t.test('a state is checked and backed up, in use and not', async (t) => {
  t.match(await netctld('--check-state'), { exitCode: 0, stdout: `state in ${state}: there is none\n` });
  t.match(await netctld('--backup', backup), { exitCode: 1, stderr: /^netctld: there is no state in / });
  const store = await openLevelStore(state);
  await commit(store, ...objects);
  await commit(store, put('tenants/blue', { v: 1, name: 'blue' }));
  t.match(await program('--check-state'), { exitCode: 3, stdout: /is in use by another netctld: stop it first/ });
  t.match(await program('--restore', backup), { exitCode: 2, stderr: /^netctld: the backup .* cannot be used: ENOENT/ });
  t.match(await program('--backup', backup), { exitCode: 0, stdout: `6 entries of revision 2 are in ${backup}\n` }, 'a backup needs no pause');
  t.match(await program('--restore', backup, '--force'), { exitCode: 3 }, 'a restoration does');
  await store.close();
  const checked = await netctld('--check-state');
  t.equal(checked.exitCode, 0);
  t.match(checked.stdout, /^state in .*: sound, format 2, revision 2\n2 tenants\n1 networks\n1 services\n0 endpoints\n1 addresses\n/);
});

t.test('a backup is made while the state is written, and is of one moment', async (t) => {
  const directory = join(base, 'busy');
  const busy = await openLevelStore(directory);
  let writing = true;
  // Large enough that LevelDB begins new files meanwhile.
  const text = 'x'.repeat(100_000);
  const writer = (async () => {
    for (let n = 1; writing; n++) await commit(busy, { key: 'one', put: { n, text } }, { key: 'two', put: { n, text } });
    return (await busy.list('')).revision;
  })();
  const file = join(base, 'busy.jsonl');
  const revisions: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { exitCode, stderr } = await runIn(directory, '--backup', file);
    t.equal(exitCode, 0, stderr);
    const [title, one, two] = readFileSync(file, 'utf8').split('\n').map((line) => (line === '' ? {} : (JSON.parse(line) as { revision?: number; value?: { n: number } })));
    t.equal(one?.value?.n, two?.value?.n, 'both entries are of one transaction');
    revisions.push(title?.revision ?? NaN);
  }
  writing = false;
  t.ok((await writer) >= Math.max(...revisions));
  t.same(revisions, [...revisions].sort((a, b) => a - b));
  await busy.close();
});

t.test('a backup is restored, and nothing else is', async (t) => {
  const before = await contents();
  const refused = await netctld('--restore', backup);
  t.match(refused, { exitCode: 1, stderr: /there is a state in .*, which keeps it aside, use --force/ });
  const text = readFileSync(backup, 'utf8');
  for (const [name, bad] of [['changed', text.replace('blue', 'blux')], ['cut off', text.slice(0, -20)], ['a line short', text.replace(/\n.*blue.*\n/, '\n')], ['later', text.replace('"version":1', '"version":2')], ['other', 'hello\n']] as const) {
    writeFileSync(join(base, 'bad'), bad);
    t.match(await netctld('--restore', join(base, 'bad'), '--force'), { exitCode: 2, stderr: /^netctld: the backup .* cannot be used: it / }, name);
  }
  t.same(await contents(), before, 'the state is as it was');

  const store = await openLevelStore(state);
  await commit(store, { key: 'tenants/blue', delete: true });
  await store.close();
  const restored = await netctld('--restore', backup, '--force');
  t.match(restored, { exitCode: 0, stdout: /^6 entries of revision 2 were restored from .*\nwhat was there before is in .*before-restore-/ });
  t.same(await contents(), before);
  t.equal(readdirSync(base).filter((name) => name.startsWith('state.before-restore-')).length, 1, 'the other state was kept');
  rmSync(state, { recursive: true });
  t.match(await netctld('--restore', backup), { exitCode: 0 }, 'where there is none, nothing need be forced');
  t.same(await contents(), before);
});

t.test('a damaged state says so, and its ways out lead out', async (t) => {
  const sound = await contents();
  const store = await openLevelStore(state);
  const copy = await copyState(store, state, new Date());
  t.equal(await copyState(store, state, new Date()), undefined, 'what did not change is not copied again');
  await commit(store, put('tenants/green', { v: 1, name: 'green' }));
  cpSync(state, join(base, 'killed'), { recursive: true });
  await store.close();
  rmSync(state, { recursive: true });
  cpSync(join(base, 'killed'), state, { recursive: true });
  for (const name of readdirSync(state)) if (name.endsWith('.log')) truncateSync(join(state, name), 0);

  const checked = await netctld('--check-state');
  t.equal(checked.exitCode, 1);
  t.match(checked.stdout, new RegExp(`damaged: revision 3 is missing\n.*2 tenants\n(.*\n)*newest copy: ${copy}\nway out: netctld --restore ${copy} --force, or netctld --repair-state`));
  await t.rejects(openLevelStore(state), { code: 'unavailable', message: /^the state in .* is damaged \(revision 3 is missing\) and was left as it is: see "netctld --check-state"/ });
  t.match(await netctld('--backup', join(base, 'none')), { exitCode: 1, stderr: /is damaged/ }, 'what is damaged makes no backup');

  cpSync(state, join(base, 'damaged'), { recursive: true });
  t.match(await netctld('--restore', copy ?? '', '--force'), { exitCode: 0 });
  t.same(await contents(), sound, 'the copy is what was before');

  rmSync(state, { recursive: true });
  cpSync(join(base, 'damaged'), state, { recursive: true });
  t.match(await netctld('--repair-state'), { exitCode: 0, stdout: /^6 entries up to revision 2 were kept\nwhat was wrong: revision 3 is missing\n/ });
  t.same(await contents(), sound, 'all that can be read was kept');
  t.match(await netctld('--repair-state'), { exitCode: 1, stderr: /is not damaged/ });
});

t.test('contradictions are found', async (t) => {
  const allocation = { v: 1, tenant: 'default', network: 'n', address: '10.1.1.1', since: 0 };
  const endpoint = { v: 1, id: 'e'.repeat(64), tenant: 'default', network: 'n', addresses: ['10.1.1.1'], mac: '02:02:0a:01:01:01', host: 'h1' };
  const table: [string, Operation, RegExp][] = [
    ['a value that is not understood', put('tenants/x', { v: 1 }), /the entry "tenants\/x" is not understood/],
    ['a value under another key', put('tenants/x', { v: 1, name: 'y' }), /"tenants\/x" holds what belongs under "tenants\/y"/],
    ['an unknown kind', put('what/x', {}), /"what\/x" is of no kind that is known/],
    ['a network without its tenant', { key: 'tenants/default', delete: true }, /network default:n is of tenant default, which is not there/],
    ['a service without its network', { key: 'networks/default/n', delete: true }, /service default:w is of network default:n, which is not there/],
    ['a service without its address', { key: 'allocations/default/n/10.1.1.1', delete: true }, /service default:w has the address 10\.1\.1\.1, which is not held for it/],
    ['a service whose address rests', put('allocations/default/n/10.1.1.1', { ...allocation, owner: { kind: 'resting' } }), /10\.1\.1\.1, which is held by nobody/],
    ['an address held by nobody that there is', { key: 'services/default/w', delete: true }, /the address 10\.1\.1\.1 of network default:n is held by service w, which is not there/],
    ['an address twice', put(`endpoints/${endpoint.id}`, endpoint), /endpoint eeeeeeeeeeee has the address 10\.1\.1\.1, which is held by service w/],
    ['a packet tag that nobody holds', { key: 'vnis/1', delete: true }, /has the packet tag 1, which is held by nobody/],
    ['an uplink without its tenant', put('uplinks/h1/blue', { v: 1, host: 'h1', tenant: 'blue', index: 0 }), /an uplink is of tenant blue, which is not there/],
    ['a packet tag of nobody', put('vnis/2', { tenant: 'default', network: 'n' }), /"vnis\/2" is held by .*, which does not have it/],
  ];
  for (const [name, operation, sentence] of table) {
    const store = new MemoryStore();
    await commit(store, ...objects);
    t.same(checkEntries((await store.list('')).entries).contradictions, []);
    await commit(store, operation);
    t.match(checkEntries((await store.list('')).entries).contradictions.join('\n'), sentence, name);
  }
});

t.test('a host that is away may still have an uplink of a tenant that is no more', async (t) => {
  const store = new MemoryStore();
  const host = { v: 1, name: 'h2', id: 'i', underlay: '192.168.7.2', underlayMtu: 1500, version: '1', since: 0 };
  await commit(store, ...objects, put('hosts/h2', host), put('uplinks/h2/blue', { v: 1, host: 'h2', tenant: 'blue', index: 0 }), put('leftovers/h2/d', { v: 1, host: 'h2', dockerNetworkId: 'd' }));
  t.same(checkEntries((await store.list('')).entries).contradictions, []);
  await commit(store, put('presences/h2', { v: 1, host: 'h2', id: 'i', since: 0 }));
  t.match(checkEntries((await store.list('')).entries).contradictions, ['an uplink is of tenant blue, which is not there']);
});

t.test('flags that do not go together are refused', async (t) => {
  t.match(await netctld('--check-state', '--backup', backup), { exitCode: 2, stderr: /use one of them at a time/ });
  t.match(await netctld('--force'), { exitCode: 2, stderr: /--force is given without --restore/ });
  t.match(await netctld('--check-stat'), { exitCode: 2, stderr: /see netctld --help/ });
});
