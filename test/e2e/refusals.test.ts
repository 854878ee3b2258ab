import t, { type Test } from 'tap';
import { labHost, untilProviders } from './support/lab.js';
import { runClient, runServer } from './support/servers.js';
import { answers, Traffic, type Attempt } from './support/traffic.js';

// What nobody serves is refused at once, and does not leave a client to its time-out.

const limitMs = 100;
const serviceIp = '100.1.1.1';

const host = await labHost(t, 'refuse');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
await host.netctl('net', 'create', 'green', '-s', '11.1.1.0/24', '-g', '11.1.1.254');
await host.netctl('service', 'create', 'web', '--network', 'services', '--selector=tier=web', '-p', '8080:80:tcp', '-p', '53:5353:udp');
await runClient(host, 'near', 'blue');
await runClient(host, 'far', 'green');
const clients = { near: await Traffic.from(t, host, 'near'), far: await Traffic.from(t, host, 'far') };

/** All of them refused, and the slowest within the limit. */
function refused(t: Test, attempts: readonly Attempt[], what: string): void {
  t.strictSame(answers(attempts), { ECONNREFUSED: attempts.length }, `${what}: refused`);
  const slowest = Math.max(...attempts.map(({ ms }) => ms));
  t.ok(slowest < limitMs, `${what}: each within ${limitMs} ms`, { slowest });
}

async function datagrams(from: Traffic, port: number, count: number): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (let index = 0; index < count; index++) attempts.push(await from.datagram(serviceIp, port, 0));
  return attempts;
}

/** From the network that the providers are on, and from another. */
async function refusedFromEverywhere(t: Test, tcpPort: number, udpPort: number): Promise<void> {
  for (const [name, from] of Object.entries(clients)) {
    refused(t, await from.connect(serviceIp, tcpPort, 50), `TCP from ${name}`);
    refused(t, await datagrams(from, udpPort, 20), `UDP from ${name}`);
  }
}

t.test('no provider yet', (t) => refusedFromEverywhere(t, 8080, 53));

t.test('with a provider', async (t) => {
  await runServer(host, 'server', { network: 'blue', labels: ['tier=web'] });
  await (await Traffic.from(t, host, 'server')).serve(5353, 'server at');
  await untilProviders(host, 'web', ['server']);
  for (const [name, from] of Object.entries(clients)) {
    t.strictSame(answers(await from.connect(serviceIp, 8080, 5)), { server: 5 }, `TCP from ${name} is served`);
    t.match((await datagrams(from, 53, 5)).map(({ answer }) => answer), Array(5).fill(/^server at 1[01]\.1\.1\.\d$/), `UDP from ${name} is served`);
  }
  await t.test('a port that the service does not have', (t) => refusedFromEverywhere(t, 8079, 54));
  await t.test('the port of the other protocol', (t) => refusedFromEverywhere(t, 53, 8080));
});

t.test('a provider on which nobody listens refuses by itself', async (t) => {
  await host.netctl('service', 'create', 'deaf', '--network', 'services', '-ip', '100.1.1.7', '--selector=tier=web', '--port', '9:9:tcp', '--port', '9:9:udp');
  refused(t, await clients.far.connect('100.1.1.7', 9, 20), 'TCP');
  refused(t, [await clients.far.datagram('100.1.1.7', 9, 0)], 'UDP');
});

t.test('an address of the network that is no service', async (t) => {
  const { stdout } = await host.inside('far', `nc -zw 1 100.1.1.99 8080; echo $?`);
  t.equal(stdout, '1', 'does not answer');
});

t.test('after the last provider went', async (t) => {
  await host.docker('rm', '-f', 'server');
  await untilProviders(host, 'web', []);
  await refusedFromEverywhere(t, 8080, 53);
});

t.test('after the service was deleted', async (t) => {
  t.equal((await host.inside('far', `ping -c 1 -W 1 ${serviceIp}`)).exitCode, 0, 'the address answered a ping before');
  await host.netctl('service', 'rm', 'web');
  for (const name of Object.keys(clients)) {
    t.not((await host.inside(name, `ping -c 1 -W 1 ${serviceIp}`)).exitCode, 0, `the address no longer answers ${name}'s ping`);
    t.not((await host.inside(name, `nc -zw 1 ${serviceIp} 8080`)).exitCode, 0, `nor a connection`);
  }
  const tables = await host.router('default', 'nft', 'list', 'table', 'ip', 'netctl');
  t.notMatch(tables, serviceIp, 'the rules no longer name it');
});
