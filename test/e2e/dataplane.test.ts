import t, { type Test } from 'tap';
import { labHost, untilProviders } from './support/lab.js';
import { listen } from './support/listener.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Who can call a service from where, who answers, and which address the provider sees. Two providers on network blue, one
// service on a network without a gateway, one on a network with one.

const plain = '100.1.1.1';
const routed = '100.1.2.1';
const providers = ['p1', 'p2'] as const;
const gateway = '10.1.1.254';
const ports = ['--port', '8080:80:tcp', '--port', '8443:443:tcp', '--port', '53:53:udp', '--port', '54:1054:udp'] as const;

const host = await labHost(t, 'data');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('net', 'create', 'plain', '-s', '100.1.1.0/24');
await host.netctl('net', 'create', 'routed', '-s', '100.1.2.0/24', '-g', '100.1.2.254');
await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', gateway);
await host.netctl('net', 'create', 'green', '-s', '11.1.1.0/24', '-g', '11.1.1.254');
await host.netctl('service', 'create', 'web', '-s', 'plain', '-ip', plain, '-l', 'tier=web', ...ports);
await host.netctl('service', 'create', 'api', '-s', 'routed', '-ip', routed, '-l', 'tier=web', ...ports);
for (const name of providers) {
  await runClient(host, name, 'blue', '--label=tier=web');
  for (const port of [80, 443]) await listen(host, name, port);
  const server = await Traffic.from(t, host, name);
  for (const port of [53, 1054]) await server.serve(port, `${name} ${port}`);
}
const networks = { third: 'green', same: 'blue', service: 'plain', gateway: 'routed' } as const;
for (const [name, network] of Object.entries(networks)) await runClient(host, name, network);
for (const service of ['web', 'api']) await untilProviders(host, service, providers);

async function addressOf(container: string): Promise<string> {
  return host.docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container);
}

/** Every port of the service, 20 times each: ten answers of each provider, which saw these addresses. */
async function served(t: Test, from: string, serviceIp: string, seenBy: (provider: string) => string): Promise<void> {
  const traffic = await Traffic.from(t, host, from);
  for (const [port, target] of [[8080, 80], [8443, 443]] as const) {
    t.strictSame(answers(await traffic.connect(serviceIp, port, 20)), expected(target, seenBy), `${from}: TCP ${serviceIp} ${port}`);
  }
  for (const [port, target] of [[53, 53], [54, 1054]] as const) {
    const datagrams = [];
    for (let count = 0; count < 20; count++) datagrams.push(await traffic.datagram(serviceIp, port, 0));
    t.strictSame(answers(datagrams), expected(target, seenBy), `${from}: UDP ${serviceIp} ${port}`);
  }
}

function expected(port: number, seenBy: (provider: string) => string): Record<string, number> {
  return Object.fromEntries(providers.map((provider) => [`${provider} ${port} ${seenBy(provider)}`, 10]));
}

for (const client of ['third', 'same', 'gateway'] as const) {
  t.test(`a client on network ${networks[client]}`, async (t) => {
    const own = await addressOf(client);
    for (const ip of [plain, routed]) await served(t, client, ip, () => own);
  });
}

t.test('a client on the service’s own network, which has no gateway', async (t) => {
  const own = await addressOf('service');
  await served(t, 'service', plain, () => own);
  const traffic = await Traffic.from(t, host, 'service');
  t.strictSame(answers(await traffic.connect(routed, 8080, 3)), { ENETUNREACH: 3 }, 'has no way to services elsewhere');
});

t.test('a provider calls its own service', async (t) => {
  const own = await addressOf('p1');
  // To itself it must come from somewhere else: answered directly, the reply would not come from the service IP.
  for (const ip of [plain, routed]) await served(t, 'p1', ip, (provider) => (provider === 'p1' ? gateway : own));
});

t.test('a provider is still reached by its own address, in its own network', async (t) => {
  const traffic = await Traffic.from(t, host, 'same');
  const [own, target] = [await addressOf('same'), await addressOf('p1')];
  t.strictSame(answers(await traffic.connect(target, 80, 10)), { [`p1 80 ${own}`]: 10 });
  t.strictSame(answers([await traffic.datagram(target, 53, 0)]), { [`p1 53 ${own}`]: 1 });
});

async function reaches(from: string, address: string): Promise<{ ping: boolean; tcp: boolean }> {
  const [ping, tcp] = await Promise.all([
    host.inside(from, `ping -c 1 -W 1 ${address}`),
    host.inside(from, `nc -zw 1 ${address} 80`),
  ]);
  return { ping: ping.exitCode === 0, tcp: tcp.exitCode === 0 };
}

t.test('containers reach each other within a network, and not across', async (t) => {
  const target = await addressOf('p1');
  for (const from of ['same', 'p2']) t.strictSame(await reaches(from, target), { ping: true, tcp: true }, `${from} is on its network`);
  for (const from of ['third', 'service', 'gateway']) t.strictSame(await reaches(from, target), { ping: false, tcp: false }, `${from} is not`);
  for (const from of ['p1', 'service', 'gateway']) {
    t.notOk((await reaches(from, await addressOf('third'))).ping, `${from} does not reach a client on another network`);
  }
});

t.test('a service IP answers a ping', async (t) => {
  for (const from of ['third', 'same', 'service', 'p1']) t.equal((await host.inside(from, `ping -c 1 -W 1 ${plain}`)).exitCode, 0, from);
});

t.test('a container has the links and routes of its networks, and no others', async (t) => {
  const shown = async (container: string): Promise<{ links: string[]; routes: string[] }> => ({
    links: (await host.inside(container, `ls /sys/class/net | sort`)).stdout.split('\n'),
    routes: (await host.inside(container, `ip route | awk '{ print $1, $2, $3 }'`)).stdout.split('\n').sort(),
  });
  t.strictSame(await shown('service'), { links: ['eth0', 'lo'], routes: ['100.1.1.0/24 dev eth0'] }, 'without a gateway, no default route');
  t.strictSame(await shown('third'), { links: ['eth0', 'lo'], routes: ['11.1.1.0/24 dev eth0', 'default via 11.1.1.254'] }, 'with one');
});

t.test('conntrack holds what the provider saw', async (t) => {
  const own = await addressOf('third');
  const flows = (await host.router('default', 'conntrack', '-L', '-p', 'tcp', '--orig-src', own, '--orig-dst', plain)).split('\n');
  for (const flow of flows) t.match(flow, /src=11\.1\.1\.\d+ dst=100\.1\.1\.1 .* src=10\.1\.1\.[12] dst=11\.1\.1\.\d+/);
});
