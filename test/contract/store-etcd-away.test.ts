import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { openEtcdStore, type EtcdOptions } from '../../daemon/store/etcd.js';
import { EtcdLink } from '../../daemon/store/etcd-link.js';
import type { SharedStore } from '../../daemon/store/port.js';
import { startEtcd, type EtcdMember } from '../support/etcd.js';
import { StoreFollower } from '../support/store-follower.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

// What becomes of a store and its watchers while etcd, or the way to it, is not what it should be. The tests wait more than they work, so they run side by side.

const run = promisify(execFile);
t.setTimeout(180_000);
t.jobs = 4;

const support = (name: string): string => join(import.meta.dirname, '../support', name);
const commit = (store: SharedStore, key: string, put: number) => store.transact({ conditions: [], operations: [{ key, put }] });

async function opened(t: Test, members: readonly { readonly endpoint: string }[], options: Partial<EtcdOptions> = {}): Promise<SharedStore> {
  const store = await openEtcdStore({ endpoints: members.map(({ endpoint }) => endpoint) }, { prefix: '/netctl/', ...options });
  t.teardown(() => store.close());
  return store;
}

async function one(t: Test): Promise<EtcdMember> {
  const [member] = await startEtcd(t);
  if (!member) throw new Error('there is no member');
  return member;
}

async function proxied(t: Test, member: EtcdMember): Promise<TcpProxy> {
  const proxy = await TcpProxy.to(member.endpoint);
  t.teardown(() => proxy.close());
  return proxy;
}

/** Everything was told once and in order, and the copy is what the store holds. */
async function isExact(t: Test, follower: StoreFollower, store: SharedStore, lost = 0): Promise<void> {
  const text = async (): Promise<string> => JSON.stringify([...(await store.list('')).entries].sort((one, other) => (one.key < other.key ? -1 : 1)));
  await until('the copy is what the store holds', async () => follower.text === (await text()));
  t.same(follower.problems, []);
  t.equal(follower.lost.length, lost, `lost ${lost} times`);
}

/** Writes one number after the other until told to end; counts what was acknowledged, and the longest pause between two, in milliseconds. */
function writing(store: SharedStore): { end: () => Promise<{ acknowledged: number[]; refusals: string[]; longestMs: number }> } {
  const [acknowledged, refusals]: [number[], string[]] = [[], []];
  let [going, longestMs, last] = [true, 0, performance.now()];
  const work = (async () => {
    for (let n = 0; going; n++) {
      try {
        await commit(store, `n/${n}`, n);
        acknowledged.push(n);
        longestMs = Math.max(longestMs, performance.now() - last);
        last = performance.now();
      } catch (error) {
        refusals.push((error as Error).message);
      }
    }
  })();
  return {
    end: async () => {
      going = false;
      await work;
      return { acknowledged, refusals, longestMs };
    },
  };
}

const refusal = { code: 'unavailable', message: /^etcd at 127\.0\.0\.1:\d+(, 127\.0\.0\.1:\d+)* does not answer \(.*\): nothing can be changed until it does; what runs goes on, and netctld continues by itself then$/ };

t.test('etcd is killed, and started again', async (t) => {
  const etcd = await one(t);
  const reaches: string[] = [];
  const store = await opened(t, [etcd], { told: ({ is }) => reaches.push(is) });
  const follower = await new StoreFollower(store).follow();
  for (let n = 0; n < 20; n++) await commit(store, `a/${n}`, n);
  await etcd.kill();
  const start = performance.now();
  await t.rejects(commit(store, 'a/0', 1), refusal);
  t.ok(performance.now() - start < 7000, 'a refusal comes within seconds');
  await until('it is told', () => reaches.includes('away'));
  // What was under way when the connection broke is refused at once; this one waits as long as it may.
  await t.rejects(store.list(''), refusal);
  const again = performance.now();
  await t.rejects(store.list(''), refusal);
  t.ok(performance.now() - again < 3000, 'who asks when nobody answered for long is refused sooner');
  etcd.start();
  await etcd.well();
  const backMs = await until('it is told', () => reaches.includes('back'));
  await commit(store, 'a/1', 100);
  t.comment(`the stream went on ${Math.round(backMs)} ms after etcd was well`);
  t.same(reaches, ['away', 'back'], 'each once');
  await isExact(t, follower, store);
  t.equal(follower.told, 21, 'each transaction once');
});

t.test('etcd stands still for three seconds', async (t) => {
  const etcd = await one(t);
  const store = await opened(t, [etcd]);
  const follower = await new StoreFollower(store).follow();
  const writer = writing(store);
  await until('it writes', () => follower.told > 20);
  etcd.signal('SIGSTOP');
  const stopped = performance.now();
  await until('three seconds have passed', () => performance.now() - stopped > 3000);
  etcd.signal('SIGCONT');
  const before = follower.told;
  await until('it writes', () => follower.told > before + 20);
  const { acknowledged, longestMs } = await writer.end();
  t.ok(acknowledged.every((n) => follower.entries.get(`n/${n}`)?.value === n), 'what was acknowledged is there');
  t.ok(longestMs > 2900);
  await isExact(t, follower, store);
});

t.test('the way to etcd is cut: nobody answers, and nobody refuses', async (t) => {
  const etcd = await one(t);
  const proxy = await proxied(t, etcd);
  const reaches: string[] = [];
  const store = await opened(t, [proxy], { told: ({ is }) => reaches.push(is) });
  const other = await opened(t, [etcd]);
  const follower = await new StoreFollower(store).follow();
  await commit(store, 'a', 1);
  proxy.cut();
  const [noticedMs, refusedMs] = await Promise.all([
    until('it is noticed', () => reaches.includes('away')),
    (async () => {
      const start = performance.now();
      await t.rejects(commit(store, 'a', 2), refusal);
      return performance.now() - start;
    })(),
  ]);
  await commit(other, 'b', 1);
  t.ok(refusedMs < 8000, `refused after ${Math.round(refusedMs)} ms`);
  proxy.heal();
  const backMs = await until('it is back', () => reaches.includes('back'));
  await isExact(t, follower, store);
  t.comment(`noticed after ${Math.round(noticedMs)} ms, refused after ${Math.round(refusedMs)} ms, back ${Math.round(backMs)} ms after it was healed`);
});

t.test('what changed behind a watcher was compacted', async (t) => {
  const etcd = await one(t);
  const proxy = await proxied(t, etcd);
  const reaches: string[] = [];
  const store = await opened(t, [proxy], { told: ({ is }) => reaches.push(is) });
  const other = await opened(t, [etcd]);
  const follower = await new StoreFollower(store).follow();
  await commit(other, 'a', 1);
  await until('it is told', () => follower.entries.has('a'));
  proxy.cut();
  await until('it is noticed', () => reaches.includes('away'));
  for (let n = 0; n < 20; n++) await commit(other, 'a', n);
  await other.transact({ conditions: [], operations: [{ key: 'a', delete: true }, { key: 'b', put: 1 }] });
  const { revision } = await other.list('');
  const link = new EtcdLink({ endpoints: [etcd.endpoint] });
  await link.request('KV', 'compact', { revision, physical: true }, { repeatable: false });
  link.close();
  proxy.heal();
  await isExact(t, follower, store, 1);
  t.match(follower.lost[0], /has forgotten what changed between the revisions \d+ and \d+$/);
  await commit(other, 'c', 1);
  await isExact(t, follower, store, 1);
});

t.test('of three members the leader is killed, then the majority, and then they return', async (t) => {
  const members = await startEtcd(t, { members: 3 });
  const store = await opened(t, members);
  const follower = await new StoreFollower(store).follow();
  const writer = writing(store);
  await until('it writes', () => follower.told > 20);
  const leads = await Promise.all(members.map((member) => member.leads()));
  const leader = members[leads.indexOf(true)];
  await leader?.kill();
  let before = follower.told;
  const resumedMs = await until('it writes without the leader', () => follower.told > before + 20);
  const next = members.find((member) => member !== leader);
  await next?.kill();
  await t.rejects(commit(store, 'x', 1), refusal);
  const start = performance.now();
  await t.rejects(store.get('x'), { code: 'unavailable' });
  t.ok(performance.now() - start < 7000, 'reading waits no longer');
  leader?.start();
  await leader?.well();
  before = follower.told;
  const returnedMs = await until('it writes again', () => follower.told > before + 20);
  const { acknowledged, longestMs, refusals } = await writer.end();
  t.ok(acknowledged.every((n) => follower.entries.get(`n/${n}`)?.value === n), 'what was acknowledged is there');
  t.ok(refusals.every((message) => refusal.message.test(message)), refusals.find((message) => !refusal.message.test(message)) ?? 'all refusals say what is the matter');
  await isExact(t, follower, store);
  t.comment(`${acknowledged.length} acknowledged, ${refusals.length} refused; ${Math.round(resumedMs)} ms without the leader, ${Math.round(returnedMs)} ms after the majority returned, ${Math.round(longestMs)} ms the longest pause`);
});

t.test('one of three members stands still', async (t) => {
  const members = await startEtcd(t, { members: 3 });
  const followers = await Promise.all(members.map(async (first) => new StoreFollower(await opened(t, [first, ...members.filter((member) => member !== first)])).follow()));
  const store = await opened(t, members.slice(1));
  const [stopped] = members;
  stopped?.signal('SIGSTOP');
  const start = performance.now();
  await until('somebody writes', () => commit(store, 'a', 1).then(() => true, () => false));
  await until('all are told', () => followers.every(({ entries }) => entries.has('a')));
  t.comment(`all were told after ${Math.round(performance.now() - start)} ms`);
  stopped?.signal('SIGCONT');
  for (const follower of followers) await isExact(t, follower, store);
});

t.test('who announced itself is killed: its entry goes when its time is over', async (t) => {
  const etcd = await one(t);
  const store = await opened(t, [etcd]);
  const follower = await new StoreFollower(store).follow();
  const child = spawn(process.execPath, [support('etcd-announcer.js'), etcd.endpoint, '/netctl/', 'presences/h1', '3'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  await until('it is there', () => follower.entries.has('presences/h1'));
  const living = performance.now();
  await until('it has renewed its time', () => performance.now() - living > 4500 || !follower.entries.has('presences/h1'));
  t.ok(follower.entries.has('presences/h1'), 'while it lives its entry does');
  child.kill('SIGKILL');
  const goneMs = await until('it is gone', () => !follower.entries.has('presences/h1'));
  t.ok(goneMs < 6000, `gone after ${Math.round(goneMs)} ms, of 3000`);
  await isExact(t, follower, store);
});

t.test('who is announced and cut off is announced again', async (t) => {
  const etcd = await one(t);
  const proxy = await proxied(t, etcd);
  const store = await opened(t, [proxy]);
  const other = await opened(t, [etcd]);
  const follower = await new StoreFollower(other).follow();
  const announcement = await store.announce('presences/h1', { v: 1 }, 3);
  t.ok(follower.entries.has('presences/h1') || (await other.get('presences/h1')), 'it is there when the call returns');
  await etcd.kill();
  etcd.start();
  await etcd.well();
  t.ok(await other.get('presences/h1'), 'a short absence of etcd ends nothing');
  proxy.cut();
  const goneMs = await until('it is gone', () => !follower.entries.has('presences/h1'));
  proxy.heal();
  const backMs = await until('it is back', () => follower.entries.has('presences/h1'));
  t.comment(`gone after ${Math.round(goneMs)} ms, back ${Math.round(backMs)} ms after the way was healed`);
  announcement.close();
  await store.close();
  t.ok(await other.get('presences/h1'), 'who ends well leaves it for the rest of its time');
  await until('that is over', () => !follower.entries.has('presences/h1'));
  await isExact(t, follower, other);
});

t.test('three processes create a hundred entries each: none twice, none left out', async (t) => {
  const members = await startEtcd(t, { members: 3 });
  const endpoints = members.map(({ endpoint }) => endpoint).join(',');
  const results = await Promise.all([1, 2, 3].map(async () => run(process.execPath, [support('etcd-claimer.js'), endpoints, '/netctl/', '100'])));
  const claimed = results.flatMap(({ stdout }) => JSON.parse(stdout) as { key: string; attempts: number }[]);
  t.same(claimed.map(({ key }) => Number(key.slice('numbers/'.length))).sort((a, b) => a - b), Array.from({ length: 300 }, (_, n) => n));
  t.comment(`${claimed.reduce((sum, { attempts }) => sum + attempts, 0)} attempts`);
});

t.test('etcd has no more room', async (t) => {
  const [etcd] = await startEtcd(t, { flags: ['--quota-backend-bytes', String(2 * 1024 * 1024)] });
  if (!etcd) throw new Error('there is no member');
  const store = await opened(t, [etcd]);
  const follower = await new StoreFollower(store).follow();
  await commit(store, 'a', 1);
  const link = new EtcdLink({ endpoints: [etcd.endpoint] });
  t.teardown(() => link.close());
  const junk = Buffer.from('junk');
  const write = (): Promise<string> => link.request('KV', 'put', { key: junk, value: Buffer.alloc(500_000) }, { repeatable: true }).then(() => 'ok', (error: unknown) => String(error));
  // What was not put to disk yet does not count; it is, ten times a second.
  await until('it is full', async () => (await write()).includes('database space exceeded'));
  await t.rejects(commit(store, 'b', 1), { code: 'unavailable', message: /^etcd at .* takes no more data \(.*\): compact and defragment it, then run "etcdctl alarm disarm"$/ });
  await t.rejects(store.announce('presences/h1', 1, 3), { code: 'unavailable', message: /takes no more data/ });
  t.equal((await store.get('a'))?.value, 1, 'what is there can be read');
  await link.request('KV', 'deleteRange', { key: junk }, { repeatable: true });
  const { revision } = await store.list('');
  await link.request('KV', 'compact', { revision, physical: true }, { repeatable: false });
  await link.request('Maintenance', 'defragment', {}, { repeatable: true });
  const { alarms } = await link.request<{ alarms: object[] }>('Maintenance', 'alarm', {}, { repeatable: true });
  for (const alarm of alarms) await link.request('Maintenance', 'alarm', { action: 'Deactivate', ...alarm }, { repeatable: true });
  await commit(store, 'c', 1);
  await isExact(t, follower, store);
});

t.test('another state in the place of the one that was read', async (t) => {
  const etcd = await one(t);
  const reaches: string[] = [];
  const store = await opened(t, [etcd], { told: (reach) => reaches.push(reach.is === 'away' ? reach.reason : reach.is) });
  const follower = await new StoreFollower(store).follow();
  await commit(store, 'networks/a', 1);
  const link = new EtcdLink({ endpoints: [etcd.endpoint] });
  t.teardown(() => link.close());
  const format = Buffer.from('/netctl/meta/format');
  const { kvs } = await link.request<{ kvs: { value: Buffer }[] }>('KV', 'range', { key: format }, { repeatable: true });
  await link.request('KV', 'deleteRange', { key: Buffer.from('/netctl/'), range_end: Buffer.from('/netctl0') }, { repeatable: true });
  await t.rejects(commit(store, 'networks/b', 1), { code: 'unavailable', message: /nothing was changed, as the state in etcd .* is another one than before/ });
  await until('it is told', () => reaches.some((text) => /has no state below \/netctl\/ any more: restore a backup/.test(text)));
  await link.request('KV', 'put', { key: format, value: Buffer.from(JSON.stringify({ ...(JSON.parse(kvs[0]?.value.toString() ?? '') as object), id: 'another' })) }, { repeatable: true });
  await until('it is read', () => reaches.includes('back'));
  await commit(store, 'networks/c', 1);
  t.same((await store.list('')).entries.map(({ key }) => key), ['networks/c'], 'nothing was written in between');
  await isExact(t, follower, store, 1);
  t.match(follower.lost[0], /was restored or made anew$/);
});

t.test('an etcd that is not there yet is waited for', async (t) => {
  const etcd = await one(t);
  await etcd.kill();
  const reaches: string[] = [];
  const opening = opened(t, [etcd], { told: ({ is }) => reaches.push(is) });
  await until('it is told', () => reaches.includes('away'));
  etcd.start();
  const store = await opening;
  await commit(store, 'a', 1);
  t.same(reaches, ['away', 'back']);
  await etcd.kill();
  const end = new AbortController();
  const ended = openEtcdStore({ endpoints: [etcd.endpoint] }, { prefix: '/netctl/', signal: end.signal, told: () => end.abort() });
  await t.rejects(ended, refusal, 'until somebody wants no more');
});
