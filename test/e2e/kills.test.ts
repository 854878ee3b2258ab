import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { faultPoints } from '../../daemon/faults.js';
import { Random } from '../support/random.js';
import { HostView, type Tenant } from './support/kill-check.js';
import { Lane, type Sockets } from './support/kill-lane.js';
import { labHost, until } from './support/lab.js';
import { NetctldProcess } from './support/netctld-process.js';
import { runClient, runServer } from './support/servers.js';
import { Traffic } from './support/traffic.js';

// netctld is killed 200 times while users work: once at each of its named points, else at any moment. The seed is printed;
// NETCTL_TEST_SEED repeats the choices, though not the moments.

const killCount = Number(process.env['NETCTL_TEST_KILLS'] ?? 200);
/** Of each tenant, counted from when the restarted netctld answers /healthz. The users go on meanwhile. */
const convergenceMs = 2000;
/** Between two looks at a tenant that misses something: looking without a pause would take the processors from netctld. */
const lookMs = 20;
/** How long users work before a kill at any moment, at most: mostly much shorter, and now and then long enough for a container to start. */
const longestLifeMs = 1200;
/** How long it is waited for any of the named points. What is not reached by then is tried again later. */
const reachMs = 4000;
/** How often everything is waited for, and all of it is looked at. */
const wholeEvery = 100;
/** After this a tenant is given up. */
const patienceMs = 60_000;

/** Points that these users do not come by, each with the reason. */
const unreached: Readonly<Record<string, string>> = {
  'store.close': 'reached at the orderly end only',
  'sandboxes.setMtu': 'reached when what fits between hosts changes, and there is one host',
  'sandboxes.give': 'reached when the link of a running container was lost, which nobody does here',
  'hostFlows.remove': 'reached when UDP of the host goes to a port that is published no longer, and the host sends none here',
};

const seed = Number(process.env['NETCTL_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
const random = new Random(seed);
t.comment(`seed ${seed}`);

const host = await labHost(t, 'kills', {});
t.setTimeout(1_150_000);
await host.daemon('kill', 'netctld');
const holder = readFileSync(`/run/netctl-lab/${host.labName}/${host.name}/pid`, 'utf8').trim();
const root = `/proc/${holder}/root`;
const sockets: Sockets = { netctl: `${root}/run/netctl/netctl.sock`, docker: `${root}/run/docker.sock` };
const view = new HostView(root, sockets, `${root}/var/lib/netctl`);
/** Also what a crash left is taken back sooner than by default: a network that holds some cannot be deleted until then. */
const options = ['--address-rest', '1', '--reclaim-after', '15', '--log-level', 'warn'];
const launch = (faults = ''): NetctldProcess => NetctldProcess.launch(host, root, options, { NETCTLD_FAULT: faults });
let daemon = launch();
await daemon.answers();
t.teardown(() => daemon.kill());

// A tenant in which nothing happens: all of it must be there after every kill, and its connection must live.
const still = 'still';
const tenantAtRest: Tenant = { name: still, network: true, service: true, ending: undefined };
await host.netctl('tenant', 'create', still);
await host.netctl('net', 'create', 'n', '-t', still, '-s', '10.99.1.0/24', '-g', '10.99.1.254');
await host.netctl('service', 'create', 'w', '-t', still, '--network', 'n', `--selector=app=app-${still}`, '--port', '80:80:tcp', '--port', '81:81:tcp');
for (const name of ['s1', 's2']) await runServer(host, name, { network: `n/${still}`, labels: [`app=app-${still}`] });
await runClient(host, 'client', `n/${still}`);
const traffic = await Traffic.from(t, host, 'client');
const { Oper } = await host.service('w', still);
const connection = await traffic.hold(Oper.serviceVip, 81);
const lookAtStill = async (): Promise<string> => JSON.stringify(await view.attached().then((all) => all.filter(({ app }) => app === `app-${still}`)));
const stillAtFirst = await lookAtStill();

const lanes = ['a', 'b', 'c', 'd'].map((name, index) => new Lane(name, index + 1, sockets, new Random(seed + index), name !== 'd'));
const convergence: number[] = [];
const starts: number[] = [];
/** From when all was there again until the kill, in milliseconds. */
const lives: number[] = [];
const late: string[] = [];

/** Waits until all that ran has what it had, in each tenant by itself. False if netctld died before that: at a point that it passes while it starts. */
async function comeBack(t: Test, what: string): Promise<boolean> {
  const launched = performance.now();
  if (!(await daemon.answers())) return false;
  const answered = performance.now();
  const since = (): number => performance.now() - answered;
  let missing: readonly string[] = [];
  for (let open: readonly Tenant[] = [tenantAtRest, ...lanes]; ; await setTimeout(lookMs)) {
    const looks = (await look(open)).filter((one) => one.missing.length > 0);
    if (daemon.hasEnded) return false;
    if (looks.length === 0) break;
    open = looks.map(({ tenant }) => tenant);
    missing = looks.flatMap((one) => one.missing);
    if (since() > patienceMs) break;
  }
  starts.push(answered - launched);
  convergence.push(since());
  if (since() > convergenceMs) late.push(`${what}: ${Math.round(since())} ms, at last for ${missing.join('; ')}`);
  if (since() > patienceMs) t.fail(`${what}: ${late.at(-1)}`);
  return true;
}

/** What each of the tenants misses. */
async function look(tenants: readonly Tenant[]): Promise<{ tenant: Tenant; missing: string[] }[]> {
  const attached = await view.attached();
  return Promise.all(tenants.map(async (tenant) => ({ tenant, missing: await view.missing(tenant, attached).catch((error: unknown) => [String(error)]) })));
}

async function everythingIsRight(t: Test, what: string, leftovers: boolean): Promise<void> {
  await Promise.all(lanes.map((lane) => lane.end()));
  t.equal(await lookAtStill(), stillAtFirst, `${what}: addresses, MACs and endpoints of the others are the same`);
  t.equal(await connection.say(what), what, `${what}: the open connection lives`);
  await until(`${what}: all is right`, async () => {
    const wrong = await view.wrong(lanes, leftovers);
    return wrong.length === 0 || wrong.join('\n');
  }, 100_000);
  t.pass(`${what}: specs, addresses, owners, links and elements are those of the model`);
}

t.test(`${killCount} kills, seed ${seed}`, async (t) => {
  t.setTimeout(1_000_000);
  const points = faultPoints().filter((point) => !(point.replace(/\.(before|after)$/, '') in unreached));
  const waiting = new Set(points);
  let kills = 0;
  for (const lane of lanes) lane.begin();
  await daemon.kill();
  while (kills < killCount && t.passing()) {
    // Of the points at which it has not died yet the next one that it comes to, else any moment.
    const faults = kills % 2 === 0 ? [...waiting].join() : '';
    const what = `kill ${kills + 1}`;
    daemon = launch(faults);
    const alive = await comeBack(t, what);
    if (!alive && (faults === '' || !daemon.wasKilled)) throw new Error(`${what}: netctld does not start again:\n${daemon.log}`);
    const readyAt = performance.now();
    if (alive && faults !== '') await daemon.endsWithin(reachMs);
    else if (alive) await setTimeout(random.next() ** 2 * longestLifeMs);
    if (daemon.diedAt !== undefined) waiting.delete(daemon.diedAt);
    await daemon.kill();
    lives.push(performance.now() - readyAt);
    kills++;
    if (kills % wholeEvery === 0 || kills === killCount) {
      daemon = launch();
      t.ok(await comeBack(t, `after ${kills} kills`));
      await everythingIsRight(t, `after ${kills} kills`, kills < killCount);
      if (kills === killCount) break;
      for (const lane of lanes) lane.begin();
      await daemon.kill();
    }
  }
  t.same([...waiting], [], 'every named point was reached');
  t.same(late, [], `each time all tenants had what they had within ${convergenceMs} ms of the first answer`);
  t.comment(`${kills} kills, ${points.length - waiting.size} of them at named points; ${lanes.map(({ done, failed }) => `${done} operations, ${failed} attempts cut short`).join('; ')}`);
  t.comment(`start to first answer: ${spread(starts)}; converged after: ${spread(convergence)}; until the kill: ${spread(lives)}`);
});

t.test('nothing is left when all is deleted', async (t) => {
  for (const lane of lanes) await lane.tidy();
  for (const name of ['s1', 's2', 'client']) await host.docker('rm', '-f', name);
  await host.netctl('service', 'rm', 'w', '-t', still);
  await host.netctl('net', 'rm', 'n', '-t', still);
  await host.netctl('tenant', 'rm', still);
  await until('only tenant default is in the store', async () => {
    const keys = (await view.entries()).map(({ key }) => key).join(' ');
    return keys === 'tenants/default' || keys;
  }, 100_000);
  t.equal((await host.ok('ip', 'netns')).trim(), '', 'no router');
  t.notMatch(await host.ok('ip', '-br', 'link'), /^v[rc]-/m, 'no link');
  t.equal(await host.docker('network', 'ls', '--filter', 'driver=netctl', '-q'), '', 'no network of Docker');
});

function spread(values: readonly number[]): string {
  const sorted = values.map((value) => Math.round(value)).sort((one, other) => one - other);
  const all = Math.round(sorted.reduce((sum, ms) => sum + ms, 0) / 1000);
  return `median ${sorted[sorted.length >> 1]} ms, 95 % ${sorted[Math.floor(sorted.length * 0.95)]} ms, most ${sorted.at(-1)} ms, ${sorted.length} times, ${all} s in all`;
}
