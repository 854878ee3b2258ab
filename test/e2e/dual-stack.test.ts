import t from 'tap';
import { labHost, untilProviders } from './support/lab.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// A service on a network with both families has an address of each. It is called over both, from its own network and from
// another one; and a provider on two networks calls its own service by the way of each.

const host = await labHost(t, 'dual');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('net', 'create', 'dual', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '--subnetv6', '2001:db8:1::/64', '--gatewayv6', '2001:db8:1::ff');
await host.netctl('net', 'create', 'other', '-s', '10.2.1.0/24', '-g', '10.2.1.254', '--subnetv6', '2001:db8:2::/64', '--gatewayv6', '2001:db8:2::ff');
await host.netctl('net', 'create', 'four', '-s', '10.4.1.0/24', '-g', '10.4.1.254');
const created = await host.netctl('service', 'create', 'web', '-s', 'dual', '-ip', '10.1.1.100', '-l', 'tier=web', '-p', '80:80:tcp', '-p', '53:53:udp');
const [, four = '', six = ''] = /^Service IP: (\S+), (\S+)$/m.exec(created) ?? [];
for (const name of ['p1', 'p2']) await runClient(host, name, 'other', '--label=tier=web');
for (const [name, network] of [['near', 'dual'], ['far', 'other'], ['old', 'four']] as const) await runClient(host, name, network);

async function serve(name: string): Promise<Traffic> {
  const server = await Traffic.from(t, host, name);
  await server.listen(80, name, 'closes');
  return server;
}

async function addressesOf(container: string, network: string): Promise<[string, string]> {
  const format = `{{with index .NetworkSettings.Networks "${network}"}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}`;
  const [v4 = '', v6 = ''] = (await host.docker('inspect', '--format', format, container)).split(' ');
  return [v4, v6];
}

t.test('both families, from the own network and from another', async (t) => {
  t.strictSame([four, six], ['10.1.1.100', '2001:db8:1::1'], 'an address of each: one asked for, one free');
  t.match(await host.service('web'), { Config: { ipAddress: four, ipv6Address: undefined }, Oper: { serviceVip: four, serviceVip6: six } });
  for (const name of ['p1', 'p2']) await serve(name);
  await untilProviders(host, 'web', ['p1', 'p2']);
  for (const [client, network] of [['near', 'dual'], ['far', 'other']] as const) {
    const traffic = await Traffic.from(t, host, client);
    const [own4, own6] = await addressesOf(client, network);
    for (const [ip, own] of [[four, own4], [six, own6]] as const) {
      t.strictSame(answers(await traffic.connect(ip, 80, 20)), { [`p1 ${own}`]: 10, [`p2 ${own}`]: 10 }, `${client} calls ${ip}, and is seen as ${own}`);
      t.strictSame(answers(await traffic.connect(ip, 81, 2)), { ECONNREFUSED: 2 }, 'another port is refused');
    }
  }
  const old = await Traffic.from(t, host, 'old');
  t.equal((await old.connect(four, 80, 1))[0]?.error, undefined, 'a client with IPv4 alone has the IPv4 address');
});

t.test('a provider on two networks calls its own services, whichever network it provides in and leaves by', async (t) => {
  await host.docker('rm', '-f', 'p1', 'p2');
  await host.netctl('net', 'create', 'away', '-s', '10.3.1.0/24', '--subnetv6', '2001:db8:3::/64');
  await host.netctl('service', 'create', 'there', '-s', 'away', '-l', 'tier=nobody', '-p', '80:80:tcp');
  await host.netctl('net', 'create', 'services', '-s', '100.1.1.0/24', '--subnetv6', '2001:db8:100::/64');
  await host.netctl('service', 'create', 'far', '-s', 'services', '-l', 'tier=web', '-p', '80:80:tcp');
  await runClient(host, 'both', 'dual', '--label=tier=web');
  await host.docker('network', 'connect', 'away', 'both');
  const itself = await serve('both');
  for (const service of ['web', 'far']) await untilProviders(host, service, ['both']);
  for (const ip of [four, six]) t.match((await itself.connect(ip, 80, 1))[0], { answer: /^both / }, `${ip}, by the network of the service`);
  t.match((await host.service('far')).Oper.providers[0]?.ipAddress, [/^10\.3\.1\./, /^2001:db8:3:/], 'of the other service it is a provider in the network whose name comes first');
  t.match(await host.docker('exec', 'both', 'ip', 'route'), /^default via 10\.1\.1\.254 /, 'though it leaves by the one that has a gateway');
  for (const ip of ['100.1.1.1', '2001:db8:100::1']) t.match((await itself.connect(ip, 80, 1))[0], { answer: /^both / }, `${ip}, by the gateway`);
});

t.test('of two networks, the one that serves both families is taken', async (t) => {
  await host.docker('rm', '-f', 'both');
  await runClient(host, 'mixed', 'four', '--label=tier=web');
  await untilProviders(host, 'web', ['mixed']);
  t.match(await host.netctl('service', 'explain', 'web'), /labels match, running, on network four, over IPv4 only: it has no IPv6 address there/);
  await host.docker('network', 'connect', 'other', 'mixed');
  await serve('mixed');
  const [, v6] = await addressesOf('mixed', 'other');
  const near = await Traffic.from(t, host, 'near');
  for (const ip of [four, six]) t.match((await near.connect(ip, 80, 1))[0]?.answer, /^mixed /, ip);
  t.match(await host.netctl('service', 'explain', 'web'), new RegExp(`${v6} +other +labels match, running, on network other\\n`));
});

t.test('both addresses come and go together', async (t) => {
  await host.netctl('service', 'create', 'second', '-s', 'dual', '-ip', '2001:db8:1::77', '-l', 'tier=web', '-p', '80:80:tcp');
  t.match(await host.service('second'), { Oper: { serviceVip6: '2001:db8:1::77' } });
  t.match(await host.run('netctl', 'service', 'create', 'third', '-s', 'dual', '-ip', '10.1.1.99', '-ip', '2001:db8:1::77', '-l', 'a', '-p', '80:80:tcp'), { exitCode: 3, stderr: /2001:db8:1::77 of network dual is held by service second/ });
  await host.netctl('service', 'rm', 'second');
  t.match(await host.netctl('service', 'create', 'third', '-s', 'dual', '-ip', '10.1.1.99', '-ip', '2001:db8:1::77', '-l', 'a', '-p', '80:80:tcp'), /Service IP: 10\.1\.1\.99, 2001:db8:1::77/);
  t.match(await host.run('netctl', 'service', 'create', 'fourth', '-s', 'four', '-ip', '2001:db8:1::78', '-l', 'a', '-p', '80:80:tcp'), { exitCode: 3, stderr: /network four has no IPv6 subnet/ });
});
