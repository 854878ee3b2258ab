import t, { type Test } from 'tap';
import { until } from '../support/until.js';
import { labHosts, type Host } from './support/lab.js';
import { goesOn, greets, inspected, repeats, serviceIp, Spread } from './support/spread.js';
import { answers } from './support/traffic.js';
import { refusedInTime } from './support/refused-in-time.js';

// Two hosts, and on the first one an etcd whose disk has no room left at all. etcd ends then, and does so again when it is started, until there is room.
// (That etcd's own limit is reached is another thing, after which it still answers: see the failures of hosts.)

/** Docker waits for ever; a user does not. */
const refusalMs = 10_000;
const directory = '/var/lib/etcd';
const ballast = `${directory}/ballast`;
/** Of etcd's log it keeps two files of 64 MB ready. */
const diskSize = '160m';

const lab = await labHosts(t, 'disk', { hosts: 2 });
t.teardown(async () => {
  if (!t.passing()) t.comment(`${await lab.logs()}\n${await h1.log('etcd')}`);
});
const [h1, h2] = [lab.host(1), lab.host(2)];
await h1.daemon('stop', 'etcd');
await h1.ok('sh', '-c', `cp -a ${directory} ${directory}.large && mount -t tmpfs -o size=${diskSize} tmpfs ${directory} && cp -a ${directory}.large/. ${directory}/`);
await h1.daemon('start', 'etcd');
const spread = await Spread.over(t, lab);

const etcdAnswers = async (): Promise<boolean> => (await h1.run('curl', '-sf', '-m', '1', 'http://127.0.0.1:2379/health')).exitCode === 0;
const create = (host: Host, tenantName: string): Promise<boolean> =>
  host.rest('POST', `/api/v1/tenants/${tenantName}/`, { tenantName }).then(
    () => true,
    () => false,
  );

/** How many kilobytes are left. */
async function left(): Promise<number> {
  return Number((await h1.ok('df', '--output=avail', '-k', directory)).split('\n')[1]);
}

/** Leaves no room. */
async function fill(t: Test): Promise<void> {
  t.match((await h1.run('dd', 'if=/dev/zero', `of=${ballast}`, 'bs=4k')).stderr, /No space left on device/);
  t.equal(await left(), 0);
}

/** Asks for changes until etcd must take room for one: its log is written first, and has some. Those that it acknowledged. */
async function endEtcd(prefix: string): Promise<string[]> {
  const acknowledged: string[] = [];
  await until('etcd has ended', async () => {
    const name = `${prefix}-${acknowledged.length}`;
    if (await create(h1, name)) acknowledged.push(name);
    return !(await etcdAnswers());
  });
  return acknowledged;
}

const reason = /etcd at \S+ does not answer \(.*\): nothing can be changed until it does; what runs goes on, and netctld continues by itself then/;

async function endpoints(): Promise<string[]> {
  const ofHosts = await Promise.all(lab.hosts.map(async (host) => (await inspected(host, 'endpoints')) as { Oper: { endpointID: string; ipAddress: string[] } }[]));
  return ofHosts.map((list) => list.map(({ Oper }) => `${Oper.endpointID} ${Oper.ipAddress.join()}`).sort().join('\n'));
}

await t.test('etcd has no room: nothing changes, and what runs goes on', async (t) => {
  const before = await endpoints();
  const connections = [await spread.client(1).hold(serviceIp, repeats), await spread.client(1).hold(serviceIp, repeats), await spread.client(2).hold(spread.place(1).address, 81)];
  const load = await spread.load([1, 2], 20);
  await fill(t);
  const acknowledged = await endEtcd('late');
  t.match(await h1.log('etcd', 5), /no space left on device/, 'that is what etcd ended of');
  await Promise.all(lab.hosts.map((host) => refusedInTime(t, host, reason, refusalMs)));
  // For a moment it may answer.
  await h1.daemon('start', 'etcd').catch(() => undefined);
  acknowledged.push(...(await endEtcd('later')));
  await goesOn(t, connections, 'without etcd');
  await h1.ok('rm', ballast);
  await h1.daemon('start', 'etcd');
  const resumed = performance.now();
  await Promise.all(lab.hosts.map((host) => until(`${host.name} writes`, () => create(host, `again-${host.name}`))));
  await Promise.all(lab.hosts.map((host) => until(`containers run on ${host.name}`, async () => (await host.run('docker', 'run', '--rm', '--net=blue', 'alpine', 'true')).exitCode === 0)));
  t.comment(`${acknowledged.length} changes were acknowledged on the full disk; all goes on ${Math.round(performance.now() - resumed)} ms after etcd answers again`);
  const tenants = (await h2.netctl('tenant', 'ls', '-q')).split('\n');
  for (const name of acknowledged) t.ok(tenants.includes(name), `${name} was acknowledged, and is there`);
  spread.noneFailed(t, await load(), ['p1', 'p2'], 'all the time');
  await goesOn(t, connections, 'with etcd again');
  t.strictSame(await endpoints(), before, 'all endpoints are what they were');
  for (const number of [1, 2]) t.strictSame(answers(await spread.client(number).connect(serviceIp, greets, 8)), { p1: 4, p2: 4 }, `both providers answer on h${number}`);
});
