import t, { type Test } from 'tap';
import { labHost, until, untilProviders } from './support/lab.js';
import { runClient } from './support/servers.js';
import { answers, Traffic, type Connection } from './support/traffic.js';

// What a user does to a service that is in use: he changes it, takes containers out and back, and looks at what it carries.
// Port 80 says who answers and closes, port 81 repeats what it is told.

const serviceIp = '100.1.1.1';
const host = await labHost(t, 'changes');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'app', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.netctl('net', 'create', 'clients', '-s', '11.1.1.0/24', '-g', '11.1.1.254');
await host.netctl('service', 'create', 'web', '-s', 'services', '-l', 'tier=web', '-p', '80:80:tcp', '-p', '81:81:tcp', '-p', '53:53:udp');
for (const name of ['w1', 'w2', 'w3']) await serve(name, `version=${name.slice(1)}`);
await runClient(host, 'client', 'clients');
await untilProviders(host, 'web', ['w1', 'w2', 'w3']);
const traffic = await Traffic.from(t, host, 'client');

async function serve(name: string, label: string): Promise<void> {
  await runClient(host, name, 'app', '--label=tier=web', `--label=${label}`);
  await listenIn(name);
}

async function listenIn(name: string): Promise<void> {
  const server = await Traffic.from(t, host, name);
  await server.listen(80, name, 'closes');
  await server.listen(81, name, 'repeats');
  await server.serve(53, name);
}

/** Who answers so many connections, and how often. */
async function answering(times: number, port = 80): Promise<Record<string, number>> {
  return Object.fromEntries(Object.entries(answers(await traffic.connect(serviceIp, port, times))).map(([answer, count]) => [answer.split(' ')[0] ?? '', count]));
}

/** A connection to port 81 that this one answers. */
async function heldBy(name: string): Promise<Connection> {
  for (let tries = 0; tries < 6; tries++) {
    const connection = await traffic.hold(serviceIp, 81);
    if (connection.greeting.startsWith(`${name} `)) return connection;
  }
  throw new Error(`${name} got none of 6 connections`);
}

async function reasonOf(container: string): Promise<string> {
  const { containers } = JSON.parse(await host.netctl('service', 'explain', 'web', '-j')) as { containers: { containerName: string; reason: string }[] };
  return containers.find(({ containerName }) => containerName === container)?.reason ?? '';
}

t.test('a service is updated while a connection is open', async (t) => {
  const connection = await traffic.hold(serviceIp, 81);
  t.equal(
    await host.netctl('service', 'update', 'web', '-l', 'tier=web', '-l', 'version in (1,2)', '-p', '80:80:tcp', '-p', '81:81:tcp', '-p', '82:80:tcp', '-p', '53:53:udp', '--algorithm', 'random'),
    [
      'Updating ServiceLB default:web',
      '  selectors: [tier=web] -> [tier=web version in (1,2)]',
      '  ports: 80:80:TCP,81:81:TCP,53:53:UDP -> 80:80:TCP,81:81:TCP,82:80:TCP,53:53:UDP',
      '  algorithm: roundrobin -> random',
    ].join('\n'),
  );
  t.strictSame(Object.keys(await answering(30, 82)).sort(), ['w1', 'w2'], 'the new selector and port count at once');
  t.equal(await connection.say('still there?'), 'still there?', 'the open connection goes on');
  t.equal(await host.netctl('service', 'update', 'web', '--algorithm', 'random'), 'Nothing to do: ServiceLB default:web is so already');
  t.match(await host.run('netctl', 'service', 'update', 'web', '-s', 'app'), { exitCode: 3, stderr: /the network of a service cannot change/ });
  t.match(await host.run('netctl', 'service', 'update', 'none', '--algorithm', 'random'), { exitCode: 3, stderr: 'netctl: service none not found in tenant default' });
  await host.netctl('service', 'update', 'web', '-l', 'tier=web', '--algorithm', 'roundrobin');
  t.strictSame(await answering(6), { w1: 2, w2: 2, w3: 2 });
});

t.test('a container is taken out of a service, and put back', async (t) => {
  const connection = await heldBy('w1');
  const endLoad = await traffic.load(serviceIp, 80, 100);
  const id = await host.docker('inspect', '--format', '{{.Id}}', 'w1');
  t.equal(await host.netctl('service', 'drain', 'web', id.slice(0, 8)), 'Draining container w1 of ServiceLB default:web');
  t.strictSame(Object.keys(await answering(20)).sort(), ['w2', 'w3'], 'it gets nothing new as soon as the command returns');
  t.strictSame((await endLoad()).filter(({ error }) => error !== undefined), [], 'nobody noticed');
  t.equal(await connection.say('still there?'), 'still there?', 'its open connection lives');
  t.equal(await reasonOf('w1'), 'is drained by the user: no new connections, open ones live');
  t.equal(await host.netctl('service', 'drain', 'web', 'w1'), 'Nothing to do: container w1 of ServiceLB default:web is drained already');

  await host.daemon('kill', 'netctld');
  await host.daemon('start', 'netctld');
  await untilProviders(host, 'web', ['w2', 'w3']);
  t.strictSame(await answering(10), { w2: 5, w3: 5 }, 'nor when netctld is killed and started again');
  t.equal(await connection.say('and now?'), 'and now?', 'the open connection lives');

  await host.docker('restart', '-t', '1', 'w1');
  await until('Docker tells that w1 runs again', async () => (await reasonOf('w1')).startsWith('is drained') || (await reasonOf('w1')));
  await listenIn('w1');
  t.strictSame(await answering(10), { w2: 5, w3: 5 }, 'nor when the container is');
  t.equal(await host.netctl('service', 'undrain', 'web', 'w1'), 'Undraining container w1 of ServiceLB default:web');
  t.strictSame(await answering(6), { w1: 2, w2: 2, w3: 2 });
});

t.test('what cannot be drained', async (t) => {
  t.match(await host.run('netctl', 'service', 'drain', 'web', 'client'), { exitCode: 3, stderr: 'netctl: container client cannot be drained, since service web does not select it: its label tier is missing' });
  t.match(await host.run('netctl', 'service', 'drain', 'web', 'nobody'), { exitCode: 3, stderr: /there is no container "nobody"/ });
  await host.docker('run', '--name', 'elsewhere', '--net=none', '--label=tier=web', 'alpine', 'true');
  t.match(await host.run('netctl', 'service', 'drain', 'web', 'elsewhere'), { exitCode: 3, stderr: /does not select it: it is not attached to a network of tenant default$/ });
});

interface Counted {
  readonly connections: number;
  readonly openConnections: number;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
}
interface Stats {
  readonly ports: readonly { readonly port: string; readonly total: Counted; readonly providers: readonly (Counted & { containerName: string; state: string })[] }[];
}

async function stats(name: string): Promise<Stats> {
  const [found] = JSON.parse(await host.netctl('service', 'stats', name, '-j')) as Stats[];
  if (!found) throw new Error(`service ${name} has no statistics`);
  return found;
}

/** What each provider of a port had, in words, by name. */
function told({ ports }: Stats, port: string): string[] {
  const { providers = [] } = ports.find((candidate) => candidate.port === port) ?? {};
  return providers.map(({ containerName, state, connections, openConnections }) => `${containerName} ${state}: ${connections}, ${openConnections} open`).sort();
}

async function counts(t: Test): Promise<void> {
  await host.netctl('service', 'create', 'counted', '-s', 'services', '-ip', '100.1.1.77', '-l', 'tier=web', '-p', '80:80:tcp', '-p', '81:81:tcp', '-p', '53:53:udp');
  t.strictSame(told(await stats('counted'), '80:80:TCP'), ['w1 serving: 0, 0 open', 'w2 serving: 0, 0 open', 'w3 serving: 0, 0 open']);
  await traffic.connect('100.1.1.77', 80, 30);
  const held = [await traffic.hold('100.1.1.77', 81), await traffic.hold('100.1.1.77', 81)];
  const payload = 'x'.repeat(100_000);
  t.equal(await held[0]?.say(payload), payload);
  for (let count = 0; count < 3; count++) await traffic.datagram('100.1.1.77', 53, 0);

  const now = await stats('counted');
  t.strictSame(told(now, '80:80:TCP'), ['w1 serving: 10, 0 open', 'w2 serving: 10, 0 open', 'w3 serving: 10, 0 open']);
  t.strictSame(now.ports[1]?.total.openConnections, 2);
  const big = now.ports[1]?.providers.find(({ sentBytes }) => sentBytes > 10_000);
  const overhead = (bytes: number, packets: number): number => bytes - 100_001 - packets * 52;
  t.ok(big && overhead(big.receivedBytes, big.receivedPackets) >= 0 && overhead(big.receivedBytes, big.receivedPackets) < 200, `what was sent is counted: ${big?.receivedBytes} bytes in ${big?.receivedPackets} packets`);
  t.ok(big && overhead(big.sentBytes, big.sentPackets) >= 0 && overhead(big.sentBytes, big.sentPackets) < 200, `and what came back: ${big?.sentBytes} bytes in ${big?.sentPackets} packets`);
  // IP and UDP take 28 bytes, the question "who are you\n" 12, the answer "w1 11.1.1.1\n" 12 as well.
  t.match(now.ports[2]?.total, { connections: 3, receivedPackets: 3, receivedBytes: 120, sentPackets: 3, sentBytes: 120 });

  await host.netctl('service', 'drain', 'counted', 'w1', 'w2', 'w3');
  t.strictSame((await stats('counted')).ports[1]?.providers.map(({ state }) => state), ['draining', 'draining', 'draining']);
  t.strictSame((await stats('counted')).ports[1]?.total.openConnections, 2, 'open ones are seen while they drain');
  await host.netctl('service', 'rm', 'counted');
  t.match(await host.run('netctl', 'service', 'stats', 'counted'), { exitCode: 3, stderr: 'netctl: service counted not found in tenant default' });
}

t.test('statistics are what was sent', counts);
