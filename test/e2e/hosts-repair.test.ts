import t, { type Test } from 'tap';
import { messageOf } from '../../src/model/errors.js';
import { Random } from '../support/random.js';
import { labHosts, until, untilProviders, type Host } from './support/lab.js';
import { observedFabric } from './support/router-state.js';
import { runClient } from './support/servers.js';
import { answers, Traffic, type Connection } from './support/traffic.js';

// Somebody deletes, on three hosts at once, what leads to the containers of the others: within five seconds all of it is
// there again. That is read from the kernel, and not asked of netctl.

const seed = Number(process.env['NETCTL_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
const limitMs = 5_000;
const durationMs = 60_000;
const service = '100.1.1.9';
const tenant = 'default';

const lab = await labHosts(t, 'repair');
t.teardown(async () => {
  if (!t.passing()) t.comment(`seed ${seed}\n${await lab.logs()}`);
});
const [h1] = lab.hosts as [Host];
await h1.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await h1.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '-s6', '2001:db8:1::/64', '-g6', '2001:db8:1::ff');
await h1.netctl('net', 'create', 'green', '-s', '10.2.1.0/24', '-g', '10.2.1.254');
await h1.netctl('service', 'create', 'web', '-s', 'services', '-ip', service, '-l', 'tier=web', '-p', '8080:80:tcp', '-p', '8081:81:tcp');

/** On one host: p1 and c1 are those of h1. */
interface Place {
  readonly host: Host;
  readonly number: number;
  /** In another network than the providers. */
  readonly client: Traffic;
  readonly address: string;
}

const places = await Promise.all(lab.hosts.map((host, index) => settle(host, index + 1)));
const providers = places.map(({ number }) => `p${number}`);
for (const { host } of places) await untilProviders(host, 'web', providers);

async function settle(host: Host, number: number): Promise<Place> {
  for (const name of ['blue', 'green']) await until(`network ${name} is in the Docker of ${host.name}`, async () => (await host.run('docker', 'network', 'inspect', name)).exitCode === 0 || 'not yet');
  await runClient(host, `p${number}`, 'blue', '--label=tier=web');
  await runClient(host, `c${number}`, 'green');
  const server = await Traffic.from(t, host, `p${number}`);
  await server.listen(80, `p${number}`, 'closes');
  await server.listen(81, `p${number}`, 'repeats');
  const address = await host.docker('inspect', '--format', '{{.NetworkSettings.Networks.green.IPAddress}}', `c${number}`);
  return { host, number, client: await Traffic.from(t, host, `c${number}`), address };
}

/** Every provider is used from every host; none of the connections that were open has ended. */
async function packetsPass(t: Test, connections: readonly Connection[]): Promise<void> {
  for (const { host, client, address } of places) {
    t.strictSame(answers(await client.connect(service, 8080, 9)), Object.fromEntries(providers.map((provider) => [`${provider} ${address}`, 3])), `from ${host.name}`);
  }
  for (const connection of connections) t.equal(await connection.say('still there'), 'still there', 'an open connection');
}

/** What may be done to a router, from what it holds: one command for each of its lines. */
function damagesOf(whole: readonly string[]): string[][] {
  return whole.flatMap((line): string[][] => {
    const [kind, name = '', link = '', to = ''] = line.split(' ');
    switch (kind) {
      case 'fdb':
        return [['bridge', 'fdb', 'delete', name, 'dev', link, ...(to.startsWith('br') ? ['master'] : ['dst', to, 'self'])], ...forgedWay(name, link, to)];
      case 'neighbour':
        return [['ip', 'neighbour', 'delete', name, 'dev', link], ['ip', 'neighbour', 'replace', name, 'lladdr', '02:00:00:00:00:01', 'nud', 'permanent', 'dev', link]];
      case 'vxlan':
        return [['ip', 'link', 'delete', name], ['ip', 'link', 'set', name, 'down'], ['ip', 'link', 'set', name, 'nomaster'], ['bridge', 'link', 'set', 'dev', name, 'learning', 'on'], ['bridge', 'link', 'set', 'dev', name, 'neigh_suppress', 'off']];
      case 'bridge':
        return [['ip', 'link', 'delete', name], ['ip', 'link', 'set', name, 'down'], ...(to === 'netfilter=1,1' ? [['ip', 'link', 'set', name, 'type', 'bridge', 'nf_call_iptables', '0']] : [])];
      case 'veth':
        return [['ip', 'link', 'delete', name], ['ip', 'link', 'set', name, 'down']];
      default:
        return [];
    }
  });
}

/** Leads the container's frames to a host where it is not. */
function forgedWay(mac: string, link: string, to: string): string[][] {
  if (to.startsWith('br') || mac === '00:00:00:00:00:00') return [];
  return [['bridge', 'fdb', 'replace', mac, 'dev', link, 'dst', '192.168.50.99', 'self']];
}

/** Damages the router and waits until it is whole; how long that took, in milliseconds. */
async function untilWhole(host: Host, whole: readonly string[], damages: readonly (readonly string[])[]): Promise<number> {
  const began = performance.now();
  for (const damage of damages) await host.run('ip', 'netns', 'exec', `netctl-${tenant}`, ...damage);
  await until(`after ${damages.map((damage) => damage.join(' ')).join('; ')} ${host.name} is as it was`, async () => {
    // A bridge that is being made anew may have gone while it was listed.
    const found = await observedFabric(host, tenant).catch((error: unknown) => [messageOf(error)]);
    const missing = whole.filter((line) => !found.includes(line));
    const strange = found.filter((line) => !whole.includes(line));
    return (missing.length === 0 && strange.length === 0) || `missing ${missing.join(', ')}; strange ${strange.join(', ')}`;
  });
  return performance.now() - began;
}

t.test(`deletions at random for a minute, seed ${seed}`, async (t) => {
  const end = performance.now() + durationMs;
  const held = await Promise.all(places.map(({ client }) => Promise.all(providers.map(() => client.hold(service, 8081)))));
  const counts = await Promise.all(
    places.map(async ({ host, number }) => {
      const random = new Random(seed + number);
      const whole = await observedFabric(host, tenant);
      const possible = damagesOf(whole);
      const took: number[] = [];
      while (performance.now() < end) {
        const chosen = Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => random.pick(possible) ?? []);
        const ms = await untilWhole(host, whole, chosen);
        took.push(ms);
        t.ok(ms < limitMs, `${host.name}: ${Math.round(ms)} ms after ${chosen.map((damage) => damage.join(' ')).join('; ')}`);
      }
      return { host, took };
    }),
  );
  for (const { host, took } of counts) t.ok(took.length >= 10, `${host.name}: ${took.length} times, ${Math.round(Math.max(...took))} ms at most`);
  await packetsPass(t, held.flat());
});
