import '../support/throw-away-host.js';
import t, { type Test } from 'tap';
import { inContainer } from '../support/containers.js';
import { Probe } from '../support/probe.js';
import { until } from '../support/until.js';
import { addressOf, countIncoming, encryptedPort, hosts, OverlayBed, underlayOf, type ContainerName } from './overlay-bed.js';
import { droppedBy, processOf, TunnelBed, tunnelPorts } from './tunnel-bed.js';

// Encrypted networks over three hosts: the real tunnels, routers and rules, and what can be seen of them on the underlay.

// Longer than all of its own waiting: only a hang takes so long.
t.setTimeout(120_000);

const bed = new OverlayBed();
const tunnels = new TunnelBed();
/** Counts what hosts send in clear: all UDP but that of the tunnels. */
let inClear: () => Promise<number>;

t.before(async () => {
  bed.overlay = { family: 4, mtu: 1370 };
  bed.tunnels = (host) => tunnels.addressOf(host);
  t.teardown(() => Promise.all(hosts.map((host) => inContainer(host, 'ip', 'link', 'delete', tunnels.deviceOf(host)).catch(() => undefined))));
  await tunnels.start();
  await bed.start();
  // What the tunnels do not take would find another way.
  for (const [host, other] of [['h1', 'h2'], ['h2', 'h1'], ['h3', 'h1']] as const) await inContainer(host, 'ip', '-6', 'route', 'add', 'default', 'via', underlayOf(other, 6));
  const counts = await Promise.all(hosts.map((host) => countIncoming('lan', host, `udp dport != ${tunnelPorts}`)));
  inClear = async () => (await Promise.all(counts.map((count) => count()))).reduce((a, b) => a + b);
});

const families = [4, 6] as const;

/** Echo requests without a pause until it is told to end. */
function pinging(from: ContainerName, to: ContainerName, timeoutMs: number): { readonly outcomes: string[]; end(): Promise<string[]> } {
  const outcomes: string[] = [];
  let over = false;
  const work = (async () => {
    while (!over) outcomes.push(await bed.echo(from, addressOf(to, 4), { timeoutMs }));
  })();
  return {
    outcomes,
    end: async () => {
      over = true;
      await work;
      return outcomes;
    },
  };
}

async function bringAll(): Promise<void> {
  for (const host of hosts) await tunnels.reconcile(host);
  await until('all hosts have sessions with each other', async () => (await Promise.all(hosts.map((host) => tunnels.isConnected(host)))).every(Boolean));
}

t.test('without tunnels nothing leaves the host', async (t) => {
  t.equal(await bed.echo('a1', addressOf('a2', 4), { timeoutMs: 300 }), 'lost');
  t.equal(await inClear(), 0);
  t.ok((await droppedBy('h1', 'encrypted_out')) > 0, 'because a rule drops it');
  await bed.guard('h1', []);
  t.equal(await bed.echo('a1', addressOf('a2', 4), { timeoutMs: 300 }), 'lost');
  const leaked = await inClear();
  t.ok(leaked > 0, 'without the rule it would');
  await bed.guard('h1', hosts);
});

t.test('a port that another program has is told', async (t) => {
  const other = new Probe('h1');
  await other.do({ do: 'serve', name: 'other', protocol: 'udp', port: 51821 });
  await t.rejects(tunnels.reconcile('h1'), { code: 'conflict', message: /UDP port 51821 is taken by another program; give netctld another --wireguard-port/ });
  await other.kill();
});

t.test('containers reach each other by the tunnels', async (t) => {
  const before = await inClear();
  await bringAll();
  for (const host of hosts) t.same(await tunnels.reconcile(host), [], `${host} holds the plan`);
  for (const family of families) {
    for (const protocol of ['tcp', 'udp'] as const) {
      t.equal(await bed.ask('a1', protocol, addressOf('a2', family), 8080), `a2 ${addressOf('a1', family)}`);
      t.equal(await bed.ask('b3', protocol, addressOf('b1', family), 8080), `b1 ${addressOf('b3', family)}`);
    }
  }
  t.equal(await bed.ask('r1', 'udp', addressOf('r2', 4), 8080), `r2 ${addressOf('r1', 4)}`, 'of another tenant with the same subnets');
  t.equal(await inClear(), before);
});

t.test('packets are as large as planned, and not larger', async (t) => {
  t.equal(await bed.echo('a1', addressOf('a2', 4), { length: 1370 }), 'answered');
  t.equal(await bed.echo('a1', addressOf('a2', 4), { length: 1371 }), 'tooLong');
});

/** Somebody breaks what carries h1's tunnels while its containers send. */
async function breaking(t: Test, destroy: () => unknown, missing: () => Promise<boolean>): Promise<void> {
  const before = await inClear();
  const pings = pinging('a1', 'a2', 200);
  await until('traffic passes', () => pings.outcomes.filter((outcome) => outcome === 'answered').length > 5);
  await destroy();
  await until('it is gone', missing);
  const dropped = await droppedBy('h1', 'encrypted_out');
  await until('traffic does not pass', () => pings.outcomes.slice(-3).every((outcome) => outcome === 'lost'));
  t.equal(await inClear(), before, 'nothing leaves in clear');
  t.ok((await droppedBy('h1', 'encrypted_out')) > dropped, 'because a rule drops it');
  t.same(await tunnels.reconcile('h1'), ['createDevice', 'setPeers', 'setRoute', 'setRoute']);
  const { length } = pings.outcomes;
  await until('traffic passes again', () => pings.outcomes.slice(length).includes('answered'));
  await pings.end();
  t.equal(await inClear(), before);
}

const isMissing = async (): Promise<boolean> => (await tunnels.read('h1')).devices.size === 0;

t.test('a device is deleted while containers send', (t) => breaking(t, () => inContainer('h1', 'ip', 'link', 'delete', tunnels.deviceOf('h1')), isMissing));

t.test('what carries a device is killed while containers send', (t) => {
  const destroy = (): unknown => {
    const carrier = processOf(tunnels.deviceOf('h1'));
    return carrier === undefined ? inContainer('h1', 'ip', 'link', 'delete', tunnels.deviceOf('h1')) : process.kill(carrier, 'SIGKILL');
  };
  return breaking(t, destroy, isMissing);
});

t.test('what somebody takes away of a device is set again', async (t) => {
  const device = tunnels.deviceOf('h1');
  const take = async (...command: string[]): Promise<string[]> => {
    await inContainer('h1', ...command);
    return tunnels.reconcile('h1');
  };
  t.same(await take('ip', 'link', 'set', device, 'mtu', '1280'), ['setDevice']);
  t.same(await take('wg', 'set', device, 'listen-port', '9'), ['setDevice']);
  const [peer = ''] = (await tunnels.read('h1')).devices.get(device)?.peers.keys() ?? [];
  t.same(await take('wg', 'set', device, 'peer', peer, 'remove'), ['setPeers']);
  t.same(await take('ip', '-6', 'route', 'delete', tunnels.addressOf('h2').toString()), ['setRoute']);
  t.same(await take('ip', 'address', 'flush', 'dev', device), ['setDevice', 'setRoute', 'setRoute']);
  t.same(await take('ip', 'link', 'set', device, 'down'), ['setDevice', 'setRoute', 'setRoute']);
  t.equal(await bed.ask('a1', 'tcp', addressOf('a2', 4), 8080), `a2 ${addressOf('a1', 4)}`);
});

t.test('a host changes its key, and nothing is lost', async (t) => {
  const before = await inClear();
  const pings = [pinging('a1', 'a2', 5_000), pinging('a2', 'a1', 5_000), pinging('b3', 'b1', 5_000)];
  const more = (): Promise<number> => {
    const lengths = pings.map(({ outcomes }) => outcomes.length + 10);
    return until('traffic goes on', () => pings.every(({ outcomes }, index) => outcomes.length >= (lengths[index] ?? 0)));
  };
  await more();
  const old = tunnels.deviceOf('h1');
  await tunnels.addKey('h1', 4);
  await bringAll();
  await more();
  tunnels.preferNewest('h1');
  t.not(tunnels.deviceOf('h1'), old);
  // The other hosts hear of it one after the other.
  for (const host of ['h2', 'h1', 'h3'] as const) {
    await tunnels.reconcile(host);
    for (const tenant of ['blue', 'red'] as const) await bed.reconcile(host, tenant);
    await more();
  }
  tunnels.dropOthers('h1');
  t.same(await tunnels.reconcile('h1'), ['deleteDevice']);
  for (const host of ['h2', 'h3'] as const) t.same(await tunnels.reconcile(host), ['deleteRoute', 'deletePeers']);
  await more();
  const outcomes = (await Promise.all(pings.map((ping) => ping.end()))).flat();
  t.same(new Set(outcomes), new Set(['answered']), `${outcomes.length} echo requests`);
  t.equal(await inClear(), before);
});

t.test('what comes in clear, or through another host, is not taken', async (t) => {
  const before = await droppedBy('h2', 'encrypted_in');
  await inContainer('stranger', 'ip', 'link', 'add', 'forged', 'type', 'vxlan', 'id', '1', 'dstport', String(encryptedPort), 'remote', underlayOf('h2', 6), 'local', underlayOf('stranger', 6));
  await inContainer('stranger', 'ip', 'link', 'set', 'forged', 'up');
  await until('it is dropped', async () => (await droppedBy('h2', 'encrypted_in')) > before);
  await inContainer('stranger', 'ip', 'link', 'delete', 'forged');
  await inContainer('h1', 'sysctl', '-w', 'net.ipv6.conf.all.forwarding=1');
  await inContainer('stranger', 'ip', '-6', 'route', 'add', tunnels.addressOf('h2').toString(), 'via', underlayOf('h1', 6));
  await inContainer('stranger', 'busybox', 'ping', '-c', '1', '-W', '1', tunnels.addressOf('h2').toString()).catch(() => undefined);
  t.ok((await droppedBy('h1', 'encrypted_through')) > 0);
});

t.test('the underlay may have IPv6', async (t) => {
  for (const host of hosts) await inContainer(host, 'ip', 'link', 'delete', tunnels.deviceOf(host));
  tunnels.family = 6;
  await bringAll();
  await bed.change({ family: 6, mtu: 1350 });
  t.equal(await bed.echo('a1', addressOf('a2', 4), { length: 1350 }), 'answered');
  t.equal(await bed.echo('a1', addressOf('a2', 4), { length: 1351 }), 'tooLong');
});
