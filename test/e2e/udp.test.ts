import t, { type Test } from 'tap';
import { labHost, until, untilProviders } from './support/lab.js';
import { runClient, runServer, servicePorts, untilListening } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// A UDP client that keeps its source port, as resolvers and QUIC do: conntrack would send it to where it
// was first sent for as long as it goes on. Whatever becomes of the providers, within a second it is answered
// by somebody who is there, or refused, and nobody else notices.

const serviceIp = '10.1.1.100';
const otherIp = '10.1.1.101';
const sourcePort = 7000;
const bystanderPort = 7001;
const withinMs = 1000;
const service = ['service', 'create', 'dns', '--network', 'blue', '--selector=tier=web', '-ip', serviceIp, ...servicePorts] as const;

const host = await labHost(t, 'udp');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.netctl(...service);
await host.netctl('service', 'create', 'other', '--network', 'blue', '--selector=tier=other', '-ip', otherIp, ...servicePorts);
await runServer(host, 'bystander', { network: 'blue', labels: ['tier=other'] });
for (const name of ['s1', 's2']) await runServer(host, name, { network: 'blue', labels: ['tier=web'] });
await host.docker('kill', 's2');
await untilProviders(host, 'dns', ['s1']);
await untilProviders(host, 'other', ['bystander']);
await runClient(host, 'client', 'blue');
const traffic = await Traffic.from(t, host, 'client');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

/** Who answers the client, or what it is told instead, within the second. */
async function answer(port = sourcePort, address = serviceIp): Promise<string> {
  const { answer: name, error } = await traffic.datagram(address, 53, port, withinMs);
  return name ?? error ?? '';
}

/** The id of the bystander's connection as the router tracks it: another one if it was forgotten. */
async function bystandersConnection(): Promise<string> {
  const listed = await host.router('default', 'conntrack', '-L', '-p', 'udp', '--orig-port-src', String(bystanderPort), '-o', 'id');
  return / id=(\d+)/.exec(listed)?.[1] ?? listed;
}

/** The client is answered so within a second of the change, and the bystander keeps its connection. */
async function after(t: Test, change: () => Promise<unknown>, expected: string | readonly string[]): Promise<string> {
  t.equal(await answer(bystanderPort, otherIp), 'bystander');
  const connection = await bystandersConnection();
  await change();
  const found = await answer();
  t.ok([expected].flat().includes(found), `answered by ${found}`);
  t.equal(await bystandersConnection(), connection, 'the connection of the bystander is untouched');
  return found;
}

async function start(name: string): Promise<void> {
  await host.docker('start', name);
  await untilListening(host, name);
}

t.test('from one provider to two: the client keeps its own', async (t) => {
  t.equal(await answer(), 's1');
  await after(t, () => start('s2'), 's1');
  await untilProviders(host, 'dns', ['s1', 's2']);
  t.equal(await answer(), 's1');
  const others = [];
  for (let count = 0; count < 10; count++) others.push(await traffic.datagram(serviceIp, 53, 0, 5000));
  t.strictSame(answers(others), { s1: 5, s2: 5 }, 'other clients meet both in turn');
});

t.test('from two to one', (t) => after(t, () => host.docker('kill', 's1'), 's2'));

t.test('from one to none', (t) => after(t, () => host.docker('kill', 's2'), 'ECONNREFUSED'));

t.test('from none to one', (t) => after(t, () => start('s1'), 's1'));

t.test('docker stop: the client leaves when the provider begins to stop, or when it is gone', async (t) => {
  await start('s2');
  await untilProviders(host, 'dns', ['s1', 's2']);
  await after(t, () => host.docker('stop', 's1'), 's2');
  await start('s1');
  await untilProviders(host, 'dns', ['s1', 's2']);
  await after(t, () => Promise.resolve(), 's2');
});

t.test('the service is deleted, and made again', async (t) => {
  const gone = await traffic.datagram(serviceIp, 53, sourcePort, withinMs);
  t.equal(gone.answer, 's2');
  await after(t, () => host.netctl('service', 'rm', 'dns'), ['timed out', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNREFUSED']);
  await after(t, () => host.netctl(...service), ['s1', 's2']);
});

t.test('other providers by another selector', async (t) => {
  await after(t, () => host.netctl('service', 'create', 'dns', '--network', 'blue', '--selector=tier=other', ...servicePorts), 'bystander');
  await after(t, () => host.netctl('service', 'create', 'dns', '--network', 'blue', '--selector=tier=web', ...servicePorts), ['s1', 's2']);
});

t.test('netctld is killed: the client keeps its provider; and what happened meanwhile is made up for', async (t) => {
  const before = await answer();
  await after(t, () => host.daemon('kill', 'netctld'), before);
  await after(t, () => host.daemon('start', 'netctld'), before);
  await host.daemon('kill', 'netctld');
  const pid = await host.docker('inspect', '--format', '{{.State.Pid}}', before);
  // The container's end waits for the plugin, which is away; its process is gone at once.
  await host.ok('kill', '-KILL', pid);
  await until('the process is gone', async () => (await host.run('test', '-d', `/proc/${pid}`)).exitCode !== 0 || 'it is there');
  await host.daemon('start', 'netctld');
  await untilProviders(host, 'dns', [before === 's1' ? 's2' : 's1']);
  t.not(await answer(), before, 'the client leaves the one that is gone');
});
