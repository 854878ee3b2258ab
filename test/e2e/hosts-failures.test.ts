import t, { type Test } from 'tap';
import { until } from '../support/until.js';
import { labHosts, type Ended, type Host } from './support/lab.js';
import { LabEtcd } from './support/lab-etcd.js';
import { goesOn, greets, inspected, repeats, serviceIp, Spread } from './support/spread.js';
import { answers } from './support/traffic.js';
import { refusedInTime } from './support/refused-in-time.js';

// Three hosts, each a member of etcd. Hosts and members go in every way; what is between the others goes on.

const leaseSeconds = 3;
/** What is promised is the lease's time. etcd looks twice a second which leases are over; the rest is for a busy machine. */
const leaveMs = leaseSeconds * 1000 + 3000;
/** Docker waits for ever; a user does not. */
const refusalMs = 10_000;

const lab = await labHosts(t, 'failures', { etcd: 3, env: { LAB_NETCTLD_OPTS: `--host-lease ${leaseSeconds}`, LAB_ETCD_OPTS: `--quota-backend-bytes ${16 * 1024 * 1024}` } });
t.teardown(async () => {
  if (!t.passing()) t.comment(await lab.logs());
});
const etcd = new LabEtcd(lab);
const spread = await Spread.over(t, lab);
const [h1, h2, h3] = [lab.host(1), lab.host(2), lab.host(3)];
const all = ['p1', 'p2', 'p3'];

/** Between hosts that nothing ever happens to: directly, and through the service. */
const unaffected = [
  await spread.client(1).hold(spread.place(2).address, 81),
  await spread.client(2).hold(spread.place(1).address, 81),
  ...(await Promise.all([1, 2, 3].map(() => spread.client(1).hold(serviceIp, repeats)))).filter(({ greeting }) => greeting !== 'p3'),
];
t.equal(unaffected.length, 4, 'of three connections through the service two are not to h3');

/** What every host says of every endpoint: its id and its addresses. */
async function endpoints(): Promise<string[]> {
  const ofHosts = await Promise.all(lab.hosts.map(async (host) => (await inspected(host, 'endpoints')) as { Oper: { endpointID: string; ipAddress: string[] } }[]));
  return ofHosts.map((list) => list.map(({ Oper }) => `${Oper.endpointID} ${Oper.ipAddress.join()}`).sort().join('\n'));
}

/** How long it takes until a container can be run there again, in milliseconds; it is gone afterwards. */
function untilRuns(host: Host): Promise<number> {
  return until(`containers can be run on ${host.name}`, async () => (await host.run('docker', 'run', '--rm', '--net=blue', 'alpine', 'true')).exitCode === 0);
}

/** How long it takes until the host's netctld writes to etcd, in milliseconds. */
function untilWrites(host: Host, name: string): Promise<number> {
  return until(`${host.name} writes`, async () => (await host.run('netctl', 'tenant', 'create', name)).exitCode === 0);
}

async function allServe(t: Test, what: string): Promise<void> {
  for (const number of [1, 2, 3]) t.strictSame(answers(await spread.client(number).connect(serviceIp, greets, 9)), { p1: 3, p2: 3, p3: 3 }, `${what}: all providers answer on h${number}`);
}

await t.test('a host is cut off', async (t) => {
  await etcd.lead(h1);
  const before = await endpoints();
  const [toCut, within] = [await spread.client(1).hold(spread.place(3).address, 81), await spread.client(3).hold(spread.place(3).address, 81)];
  await lab.partition(h3);
  const goneMs = await spread.untilBalanced([h1, h2], ['p1', 'p2']);
  t.ok(goneMs < leaveMs, `its provider left the services of the others ${Math.round(goneMs)} ms after the cut`);
  const load = await spread.load([1, 2], 20);
  await refusedInTime(t, h3, /etcd at .* does not answer/, refusalMs);
  spread.noneFailed(t, await load(), ['p1', 'p2'], 'without the host');
  await goesOn(t, [...unaffected, within], 'while h3 is cut off');
  await lab.heal();
  const backMs = await spread.untilAllServe();
  const runsMs = await untilRuns(h3);
  t.comment(`left after ${Math.round(goneMs)} ms, back ${Math.round(backMs)} ms after the heal; ${Math.round(runsMs)} ms later a container was run there`);
  t.strictSame(await endpoints(), before, 'all endpoints are what they were, on every host');
  await goesOn(t, [...unaffected, toCut, within], 'after h3 is back');
  await allServe(t, 'after h3 is back');
});

await t.test('a host loses its power', async (t) => {
  await etcd.lead(h1);
  await h3.crash();
  const goneMs = await spread.untilBalanced([h1, h2], ['p1', 'p2']);
  t.ok(goneMs < leaveMs, `its provider left the services of the others ${Math.round(goneMs)} ms after the crash`);
  const load = await spread.load([1, 2], 20);
  await goesOn(t, unaffected, 'while h3 is off');
  const booted = performance.now();
  await h3.reboot();
  const upMs = performance.now() - booted;
  const backMs = await spread.untilAllServe();
  const attempts = await load();
  await spread.revive(3);
  t.comment(`left after ${Math.round(goneMs)} ms; the boot took ${Math.round(upMs)} ms, and ${Math.round(backMs)} ms later its provider was back`);
  // Until it listens again its port is refused; others than it must not fail.
  for (const ofHost of attempts) t.strictSame(Object.keys(answers(ofHost)).filter((answer) => !['p1', 'p2', 'ECONNREFUSED'].includes(answer)), [], JSON.stringify(answers(ofHost)));
  await goesOn(t, unaffected, 'after h3 is back');
  await allServe(t, 'after h3 is back');
});

for (const [how, goes, returns] of [
  ['stands still for ten seconds', 'pause', 'continue'],
  ['is killed', 'kill', 'start'],
] as const) {
  await t.test(`etcd's leader ${how}`, async (t) => {
    const leader = await etcd.leader();
    const load = await spread.load([1, 2, 3], 20);
    const gone = performance.now();
    await leader.daemon(goes, 'etcd');
    const writesMs = await Promise.all(lab.hosts.map((host) => untilWrites(host, `${goes}-${host.name}`)));
    t.comment(`written again after ${writesMs.map((ms) => Math.round(ms)).join(', ')} ms`);
    if (goes === 'pause') await until('ten seconds are over', () => performance.now() - gone > 10_000);
    spread.noneFailed(t, await load(), all, 'no host was taken for away');
    const further = await spread.load([1, 2, 3], 20);
    await leader.daemon(returns, 'etcd');
    // A leader that stood still may end leases that it holds for over (3.4.23): for a moment these hosts are away, and drain.
    await until('all providers answer again', async () => (await Promise.all([1, 2, 3].map((number) => spread.client(number).connect(serviceIp, greets, 9)))).every((attempts) => Object.keys(answers(attempts)).length === 3));
    t.strictSame((await further()).flat().filter(({ error }) => error !== undefined), [], 'no connection failed when it came back');
    await goesOn(t, unaffected, `when the leader is back`);
    for (const host of lab.hosts) await until(`${host.name} knows all`, async () => ((await inspected(host, 'tenants')) as unknown[]).length >= 4);
    await Promise.all(lab.hosts.map((host) => host.netctl('tenant', 'rm', `${goes}-${host.name}`)));
  });
}

await t.test('the majority of etcd is lost', async (t) => {
  const before = await endpoints();
  const load = await spread.load([1, 2, 3], 20);
  const lost = [h1, h2];
  for (const host of lost) await host.daemon('kill', 'etcd');
  await Promise.all(lab.hosts.map((host) => refusedInTime(t, host, /etcd at .* does not answer/, refusalMs)));
  await goesOn(t, unaffected, 'without a majority');
  // The one that started first has no majority until the other one is there.
  await Promise.all(lost.map((host) => host.daemon('start', 'etcd')));
  const resumed = performance.now();
  const writesMs = await Promise.all(lab.hosts.map((host) => untilWrites(host, `again-${host.name}`)));
  const runsMs = await Promise.all(lab.hosts.map(untilRuns));
  t.comment(`after the return of the majority: written after ${writesMs.map(Math.round).join(', ')} ms, containers run ${runsMs.map(Math.round).join(', ')} ms later`);
  t.ok(performance.now() - resumed < 30_000, 'all goes on by itself');
  spread.noneFailed(t, await load(), all, 'nothing that ran was touched');
  t.strictSame(await endpoints(), before, 'all endpoints are what they were');
  await Promise.all(lab.hosts.map((host) => host.netctl('tenant', 'rm', `again-${host.name}`)));
});

await t.test('a netctld hangs, and what it missed was compacted', async (t) => {
  await h3.daemon('pause', 'netctld');
  const goneMs = await spread.untilBalanced([h1, h2], ['p1', 'p2']);
  t.ok(goneMs < leaveMs, `who hangs is away after ${Math.round(goneMs)} ms`);
  // What its member has sent already would wait for it.
  for (const host of lab.hosts) await host.daemon('restart', 'etcd');
  await untilWrites(h1, 'missed');
  await h1.netctl('net', 'create', 'green', '-s', '11.1.1.0/24', '-g', '11.1.1.254');
  await h1.netctl('tenant', 'rm', 'missed');
  await etcd.compact(h1);
  await h3.daemon('continue', 'netctld');
  const backMs = await spread.untilAllServe();
  t.comment(/has forgotten what changed between the revisions/.test(await h3.log('netctld', 1000)) ? 'it had to read all anew' : 'it could go on where it was');
  const madeMs = await until('Docker on h3 has the new network', async () => (await h3.run('docker', 'network', 'inspect', 'green')).exitCode === 0);
  t.comment(`back ${Math.round(backMs)} ms after it went on, its Docker had the new network ${Math.round(madeMs)} ms later`);
  const [first, , third] = await Promise.all(lab.hosts.map((host) => inspected(host, 'networks')));
  t.strictSame((third as { Config: unknown }[]).map(({ Config }) => Config), (first as { Config: unknown }[]).map(({ Config }) => Config), 'it knows what the others know');
  await goesOn(t, unaffected, 'when netctld goes on');
  await allServe(t, 'when netctld goes on');
});

await t.test("etcd's disk is full", async (t) => {
  const before = await endpoints();
  const load = await spread.load([1, 2, 3], 20);
  t.match(await etcd.fill(h1), /database space exceeded/);
  await refusedInTime(t, h2, /takes no more data \(.*\): compact and defragment it/, refusalMs);
  await goesOn(t, unaffected, 'while etcd is full');
  await etcd.makeRoom(h1);
  const runsMs = await Promise.all(lab.hosts.map(untilRuns));
  t.comment(`containers run ${runsMs.map(Math.round).join(', ')} ms after there was room`);
  spread.noneFailed(t, await load(), all, 'no host was taken for away');
  t.strictSame(await endpoints(), before, 'all endpoints are what they were');
});

await t.test('nothing is left behind', async (t) => {
  const { stdout }: Ended = await h2.run('netctl', 'tenant', 'ls', '-q');
  t.equal(stdout, 'default', 'what was refused was not made');
});
