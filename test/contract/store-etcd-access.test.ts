import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { openEtcdStore } from '../../daemon/store/etcd.js';
import { EtcdLink, type EtcdAccess } from '../../daemon/store/etcd-link.js';
import { issue, makeAuthority } from '../support/certificates.js';
import { startEtcd } from '../support/etcd.js';
import { StoreFollower } from '../support/store-follower.js';
import { until } from '../support/until.js';

// TLS, logins that run out, and what is below the prefix already.

const run = promisify(execFile);
t.setTimeout(120_000);
t.jobs = 3;
const base = mkdtempSync(join('/dev/shm', 'netctl-etcd-access-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));

const prefix = '/netctl/';
const put = (key: string, value: number) => ({ conditions: [], operations: [{ key, put: value }] });

/** Why it cannot be opened: what it is told, or what it is refused with. */
async function reason(access: EtcdAccess): Promise<string> {
  const end = new AbortController();
  let told = '';
  try {
    const store = await openEtcdStore(access, {
      prefix,
      signal: end.signal,
      told: (reach) => {
        told = reach.is === 'away' ? reach.reason : '';
        end.abort();
      },
    });
    await store.close();
    return 'opened';
  } catch (error) {
    return told || (error as Error).message;
  }
}

async function client(t: Test, access: EtcdAccess): Promise<EtcdLink> {
  const link = new EtcdLink(access);
  t.teardown(() => link.close());
  return link;
}

t.test('TLS, with certificates on both sides', async (t) => {
  const authority = makeAuthority(base, 'authority');
  const other = makeAuthority(base, 'other');
  const server = issue(base, authority, 'server', { usage: 'serverAuth', addresses: ['127.0.0.1'] });
  const own = issue(base, authority, 'client', { usage: 'clientAuth' });
  const foreign = issue(base, other, 'foreign', { usage: 'clientAuth' });
  const members = await startEtcd(t, { secure: true, flags: ['--cert-file', server.cert, '--key-file', server.key, '--trusted-ca-file', authority.cert, '--client-cert-auth'] });
  const endpoints = members.map(({ endpoint }) => endpoint);
  const [ca, cert, key] = [authority.cert, own.cert, own.key].map((file) => readFileSync(file));
  if (!ca || !cert || !key) throw new Error('there are no certificates');
  const store = await openEtcdStore({ endpoints, tls: { ca, cert, key } }, { prefix });
  await store.transact(put('a', 1));
  t.match(await store.get('a'), { value: 1 });
  await store.close();
  const strange = { ca, cert: readFileSync(foreign.cert), key: readFileSync(foreign.key) };
  const [unknown, ...rest] = await Promise.all([{ ca: readFileSync(other.cert), cert, key }, strange, { ca }, undefined].map((tls) => reason({ endpoints, tls })));
  t.match(unknown, /does not answer \(.*certificate/i, 'an etcd of another authority is not spoken to');
  for (const text of rest) t.match(text, /does not answer/, 'nor does it speak to anybody');
});

t.test('a user of etcd, whose login runs out', async (t) => {
  const [member] = await startEtcd(t, { flags: ['--auth-token-ttl', '1'] });
  if (!member) throw new Error('there is no member');
  const { endpoint } = member;
  const etcdctl = (...args: string[]) => run('etcdctl', ['--endpoints', endpoint, ...args], { env: { ...process.env, ETCDCTL_API: '3' } });
  const user = { name: 'netctl', password: 'p:a"ß' };
  const early = await openEtcdStore({ endpoints: [endpoint], user }, { prefix });
  await early.transact(put('a', 1));
  await etcdctl('user', 'add', 'root:root');
  await etcdctl('user', 'add', `${user.name}:x`, '--interactive=false');
  const root = await client(t, { endpoints: [endpoint] });
  await root.request('Auth', 'userChangePassword', user, { repeatable: true });
  await etcdctl('role', 'add', 'netctl');
  await etcdctl('role', 'grant-permission', 'netctl', 'readwrite', prefix, '/netctl0');
  await etcdctl('user', 'grant-role', user.name, 'netctl');
  await etcdctl('auth', 'enable');
  await early.transact(put('a', 2));
  t.match(await early.get('a'), { value: 2 }, 'who gave a user before logins were asked for goes on');
  await early.close();

  const reaches: string[] = [];
  const store = await openEtcdStore({ endpoints: [endpoint], user }, { prefix, told: ({ is }) => reaches.push(is) });
  const follower = await new StoreFollower(store).follow();
  const presence = await store.announce('presences/h1', 1, 3);
  const logins = async (): Promise<number> => {
    const text = await (await fetch(`http://${member.metrics}/metrics`)).text();
    return Number(/^grpc_server_handled_total\{grpc_code="OK",grpc_method="Authenticate",.*\} (\d+)$/m.exec(text)?.[1]);
  };
  const before = await logins();
  const start = performance.now();
  // etcd forgets a login a second after its last use, and looks once a second.
  await until('etcd has forgotten the login', () => performance.now() - start > 3500);
  await store.transact(put('a', 3));
  t.equal(follower.entries.get('a')?.value, 3);
  t.ok((await logins()) > before, 'it logged in again');
  t.same(reaches, [], 'nobody is told anything');
  await member.kill();
  member.start();
  await member.well();
  await until('the stream goes on', () => reaches.includes('back'));
  await store.transact(put('b', 1));
  t.equal(follower.entries.get('b')?.value, 1, 'etcd forgot all logins when it was restarted');
  t.ok(follower.entries.has('presences/h1'));
  t.same([follower.problems, follower.lost], [[], []]);
  presence.close();
  await store.close();

  t.match(await reason({ endpoints: [endpoint], user: { ...user, password: 'wrong' } }), /^etcd at .* does not accept the login \(authentication failed, invalid user ID or password\): see --etcd-user and --etcd-password-file$/);
  t.match(await reason({ endpoints: [endpoint] }), /does not accept the login \(user name is empty\)/);
  const elsewhere = openEtcdStore({ endpoints: [endpoint], user }, { prefix: '/other/' });
  await t.rejects(elsewhere, { code: 'unavailable', message: /does not permit this \(permission denied\): grant the role of --etcd-user readwrite on all keys below --etcd-prefix$/ });
});

t.test('what is below the prefix already', async (t) => {
  const endpoints = (await startEtcd(t)).map(({ endpoint }) => endpoint);
  const link = await client(t, { endpoints });
  const write = (key: string, value: string) => link.request('KV', 'put', { key: Buffer.from(key), value: Buffer.from(value) }, { repeatable: true });
  const opening = (below: string) => openEtcdStore({ endpoints }, { prefix: below });

  await write('/foreign/key', 'x');
  await t.rejects(opening('/foreign/'), { code: 'conflict', message: /has keys below \/foreign\/ that are not netctl's, for example \/foreign\/key: choose another --etcd-prefix$/ });
  await write('/later/meta/format', '{"netctl":"state","format":2,"id":"x"}');
  await t.rejects(opening('/later/'), { code: 'conflict', message: /below \/later\/ has format 2 and this netctld knows formats up to 1: run the newer netctld that wrote it$/ });
  await write('/half/meta/format', '{"netctl":"state","format":1,"id":"x","restoring":true}');
  await t.rejects(opening('/half/'), { code: 'unavailable', message: /only half there, as it is being restored or that was cut short/ });
  for (const text of ['', 'null', '7', '{"netctl":"other","format":1}']) {
    await write('/odd/meta/format', text);
    await t.rejects(opening('/odd/'), { code: 'conflict', message: /not netctl's/ }, text);
  }
  const many = await Promise.all(Array.from({ length: 5 }, () => opening('/together/')));
  await Promise.all(many.map((store, n) => store.transact(put(`a/${n}`, n))));
  t.equal((await many[0]?.list('a/'))?.entries.length, 5, 'several that begin a state at once have the same');
  await Promise.all(many.map((store) => store.close()));

  const store = await opening('/a/');
  await store.transact(put('x', 1));
  await write('/a/data/y', 'no JSON');
  await t.rejects(store.list(''), { code: 'unavailable', message: 'the key /a/data/y in etcd holds what netctl does not write: delete it, or restore a backup' });
  const sibling = await opening('/a/b/');
  t.same((await sibling.list('')).entries, [], 'a longer prefix is another state');
  await store.close();
  await sibling.close();
});

t.test('more than etcd takes at once is refused', async (t) => {
  const endpoints = (await startEtcd(t)).map(({ endpoint }) => endpoint);
  const store = await openEtcdStore({ endpoints }, { prefix });
  await t.rejects(store.transact({ conditions: [], operations: [{ key: 'a', put: 'x'.repeat(1.6 * 2 ** 20) }] }), { code: 'invalid', message: /^this is more than etcd at .* takes at once \(request is too large\): see etcd's --max-request-bytes/ });
  const large = 'x'.repeat(2 ** 20);
  for (let n = 0; n < 8; n++) await store.transact({ conditions: [], operations: [{ key: `large/${n}`, put: large }] });
  t.equal((await store.list('')).entries.length, 8, 'but it may have more than that in all');
  for (let n = 0; n < 1050; n += 350) await store.transact({ conditions: [], operations: Array.from({ length: 350 }, (_, i) => ({ key: `many/${n + i}`, put: i })) });
  const { entries } = await store.list('many/');
  t.equal(new Set(entries.map(({ key }) => key)).size, 1050, 'and more entries than are read at once');
  await store.close();
});
