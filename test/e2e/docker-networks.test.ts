import t, { type Test } from 'tap';
import { storeKeys } from './support/holdings.js';
import { labHost, until, untilProviders } from './support/lab.js';
import { runClient, runServer, servicePorts } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Networks that Docker makes by itself, and containers on several networks.

const host = await labHost(t, 'dnet', { LAB_NETCTLD_OPTS: '--reclaim-after 10' });
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
await host.netctl('tenant', 'create', 'blue');
const before = await listed();

const make = ['network', 'create', '-d', 'netctl', '--ipam-driver', 'netctl'] as const;

/** As netctl lists them: tenant, name, packet tag left out, subnets and gateways. */
async function listed(): Promise<string[]> {
  const networks = JSON.parse(await host.netctl('net', 'ls', '-a', '-j')) as Record<string, string | undefined>[];
  return networks.map((network) => ['tenantName', 'networkName', 'subnet', 'gateway', 'ipv6Subnet', 'ipv6Gateway'].map((field) => network[field] ?? '-').join(' ')).sort();
}

async function refusedByDocker(t: Test, reason: RegExp, ...args: string[]): Promise<void> {
  const { exitCode, stderr } = await host.run('docker', ...args);
  t.not(exitCode, 0, `docker ${args.join(' ')} is refused`);
  t.match(stderr, reason);
}

async function addressOn(container: string, network: string): Promise<string> {
  return host.docker('inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);
}

t.test('docker network create makes the network that netctl shows, and docker network rm removes it', async (t) => {
  const options = ['--subnet', '10.5.0.0/24', '--gateway', '10.5.0.9', '--ip-range', '10.5.0.128/25', '--aux-address', 'printer=10.5.0.128'];
  await host.docker(...make, ...options, '--ipv6', '--subnet', '2001:db8:5::/64', '--internal', '-o', 'tenant=blue', 'n1');
  await runClient(host, 'c1', 'n1');
  t.strictSame(await listed(), [...before, 'blue n1 10.5.0.128-10.5.0.255/24 10.5.0.9 2001:db8:5::/64 2001:db8:5::1'].sort());
  t.equal(await addressOn('c1', 'n1'), '10.5.0.129', 'of the range, and not what is set aside');
  t.equal((await host.inspect<{ Config: { internal?: boolean } }>('networks/blue:n1')).Config.internal, true);
  await refusedByDocker(t, /10\.5\.0\.128 of network n1 is held by nobody: it was set aside with "--aux-address"/, 'run', '--rm', '--net=n1', '--ip=10.5.0.128', 'alpine', 'true');
  await host.docker('rm', '-f', 'c1');
  await host.docker('network', 'rm', 'n1');
  t.strictSame(await listed(), before);
});

t.test('netctl removes what Docker made', async (t) => {
  await host.docker(...make, '--subnet', '10.5.0.0/24', 'n1');
  await host.docker('run', '--rm', '--net=n1', 'alpine', 'true');
  await host.netctl('net', 'rm', 'n1');
  t.notMatch(await host.docker('network', 'ls', '--format', '{{.Name}}'), 'n1');
});

t.test('containers that come at once find the network, and a service on it is reached', async (t) => {
  await host.docker(...make, '--subnet', '10.5.0.0/24', '-o', 'tenant=blue', 'n1');
  await Promise.all([...['s1', 's2'].map((name) => runServer(host, name, { network: 'n1', labels: ['tier=web'] })), runClient(host, 'c1', 'n1')]);
  await host.netctl('service', 'create', 'web', '-t', 'blue', '-s', 'n1', '-l', 'tier=web', ...servicePorts);
  await untilProviders(host, 'web', ['s1', 's2'], 'blue');
  const ip = (await host.service('web', 'blue')).Oper.serviceVip;
  t.strictSame(answers(await (await Traffic.from(t, host, 'c1')).connect(ip, 8080, 10)), { s1: 5, s2: 5 });
});

t.test('what cannot be is refused to the user of docker network create, and nothing of it stays', async (t) => {
  await refusedByDocker(t, /10\.5\.0\.128\/25 overlaps with 10\.5\.0\.0\/24 of network n1 in tenant blue/, ...make, '--subnet', '10.5.0.128/25', '-o', 'tenant=blue', 'n2');
  await refusedByDocker(t, /tenant green not found/, ...make, '--subnet', '10.6.0.0/24', '-o', 'tenant=green', 'n2');
  await refusedByDocker(t, /does not know the network option "tennant"/, ...make, '--subnet', '10.6.0.0/24', '-o', 'tennant=blue', 'n2');
  await refusedByDocker(t, /169\.254\.0\.0\/16 are link-local/, ...make, '--subnet', '169.254.7.0/24', 'n2');
  await refusedByDocker(t, /10\.6\.0\.255 is the broadcast address/, ...make, '--subnet', '10.6.0.0/24', '--gateway', '10.6.0.255', 'n2');
  await refusedByDocker(t, /has one IPv4 subnet: leave out 10\.[67]\.0\.0\/24/, ...make, '--subnet', '10.6.0.0/24', '--subnet', '10.7.0.0/24', 'n2');
  await refusedByDocker(t, /"-o tenant=blue" instead of "--ipam-opt"/, ...make, '--subnet', '10.6.0.0/24', '--ipam-opt', 'tenant=blue', 'n2');
  await host.docker(...make, '--subnet', '10.5.0.128/25', 'n2');
  await host.docker('network', 'rm', 'n2');
});

t.test('a name that another network has is refused to its containers', async (t) => {
  await host.netctl('net', 'create', '-t', 'blue', '-s', '10.6.0.0/24', 'taken');
  await host.docker(...make, '--subnet', '10.7.0.0/24', '-o', 'tenant=blue', 'taken');
  await refusedByDocker(t, /tenant blue has another network taken; remove it with "docker network rm taken"/, 'run', '--rm', '--net=taken', 'alpine', 'true');
  await host.docker('network', 'rm', 'taken');
  await host.netctl('net', 'rm', '-t', 'blue', 'taken');
});

t.test('without a subnet it gets one that nobody has; without the IPAM driver Docker gives the addresses', async (t) => {
  await Promise.all(['a', 'b'].map((name) => host.docker(...make, name)));
  await host.docker('network', 'create', '-d', 'netctl', 'own_ipam');
  for (const network of ['a', 'b', 'own_ipam']) await runClient(host, `on-${network}`, network);
  const subnets = (await listed()).filter((line) => /^default (a|b) /.test(line)).map((line) => line.split(' ')[2]);
  t.strictSame(subnets.sort(), ['10.64.0.0/24', '10.64.1.0/24']);
  t.match((await host.inside('on-a', 'ip route')).stdout, /^default via 10\.64\.[01]\.1 /);
  t.match(await host.netctl('ep', 'inspect', 'on-own_ipam'), new RegExp(`"${await addressOn('on-own_ipam', 'own_ipam')}"`), 'netctl knows the address that Docker gave');
  const { exitCode, stderr } = await host.run('netctl', 'service', 'create', 'web', '-s', 'own_ipam', '-l', 'tier=web', '-p', '80:80:tcp');
  t.equal(exitCode, 3);
  t.match(stderr, /Docker's own IPAM gives its addresses.*make this one with "--ipam-driver netctl"/);
  await host.docker('rm', '-f', 'on-a', 'on-b', 'on-own_ipam');
  await host.docker('network', 'rm', 'a', 'b', 'own_ipam');
});

t.test('netctld dies while Docker makes networks: Docker and netctl agree afterwards', async (t) => {
  const names = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'];
  const made = Promise.all(names.map((name, index) => host.run('docker', ...make, '--subnet', `10.8.${index}.0/24`, name)));
  await until('the first is there', async () => (await host.docker('network', 'ls', '-q', '--filter', 'name=k')).length > 0 || 'none');
  await host.daemon('kill', 'netctld');
  await host.daemon('start', 'netctld');
  await made;
  const inDocker = (await host.docker('network', 'ls', '--filter', 'driver=netctl', '--format', '{{.Name}}')).split('\n').filter((name) => names.includes(name)).sort();
  t.ok(inDocker.length > 0, 'some were made');
  await until('netctl has the same', async () => {
    const known = (await listed()).flatMap((line) => /^default (k\d) /.exec(line)?.[1] ?? []);
    return known.join() === inDocker.join() || `${known.join()}, and Docker ${inDocker.join()}`;
  });
  for (const name of inDocker) t.match((await host.docker('run', '--rm', `--net=${name}`, 'alpine', 'ip', 'route')), /^default via 10\.8\.\d\.1 /, name);
  await host.docker('network', 'rm', ...inDocker);
});

t.test('a running container is connected to further networks, and disconnected', async (t) => {
  await host.docker(...make, '--subnet', '10.9.0.0/24', '-o', 'tenant=blue', 'n2');
  await host.docker('network', 'connect', '--ip', '10.9.0.77', '--alias', 'shop', 'n2', 's1');
  await runClient(host, 'c2', 'n2');
  t.equal(await addressOn('s1', 'n2'), '10.9.0.77');
  t.match((await host.inside('c2', 'nc -w 2 shop 80')).stdout, /^s1/, "by Docker's own name of it");
  t.match((await host.inside('c1', 'nc -w 2 s1 80')).stdout, /^s1/, 'and on the first network as before');
  await refusedByDocker(t, /10\.9\.0\.77 of network n2 is held by container endpoint/, 'network', 'connect', '--ip', '10.9.0.77', 'n2', 's2');
  await host.docker('network', 'disconnect', 'n2', 's1');
  t.not((await host.inside('c2', 'nc -zw 1 10.9.0.77 80')).exitCode, 0);
  t.strictSame((await host.inside('s1', 'ls /sys/class/net')).stdout.split(/\s+/).sort(), ['eth0', 'lo']);
});

t.test('a service follows its providers from network to network', async (t) => {
  await host.netctl('service', 'create', 'two', '-t', 'blue', '-s', 'n2', '-l', 'tier=web', ...servicePorts);
  const ip = (await host.service('two', 'blue')).Oper.serviceVip;
  const providers = async (): Promise<string[]> => (await host.service('two', 'blue')).Oper.providers.flatMap(({ ipAddress }) => ipAddress).sort();
  const [first, second] = [await addressOn('s1', 'n1'), await addressOn('s2', 'n1')];
  const untilThey = (addresses: string[]): Promise<void> =>
    until(`the providers are ${addresses.join(' ')}`, async () => (await providers()).join() === addresses.sort().join() || (await providers()).join());
  const client = await Traffic.from(t, host, 'c2');
  const reached = async (): Promise<Record<string, number>> => answers(await client.connect(ip, 8080, 4));
  await untilThey([first, second]);
  t.strictSame(await reached(), { s1: 2, s2: 2 }, 'on another network');
  await host.docker('network', 'connect', 'n2', 's1');
  await untilThey([await addressOn('s1', 'n2'), second]);
  t.strictSame(await reached(), { s1: 2, s2: 2 }, 'the address on its own network goes before');
  await host.docker('network', 'disconnect', 'n1', 's2');
  await untilThey([await addressOn('s1', 'n2')]);
  t.strictSame(await reached(), { s1: 4 });
  await host.docker('network', 'connect', 'n1', 's2');
  await host.docker('network', 'disconnect', 'n2', 's1');
  await untilThey([first, await addressOn('s2', 'n1')]);
  t.strictSame(await reached(), { s1: 2, s2: 2 });
});

t.test('a container with published ports is connected to further networks', async (t) => {
  await runServer(host, 'published', { network: 'n1', options: ['-p', '8080:80'] });
  await host.docker('network', 'connect', 'n2', 'published');
  t.match((await host.inside('c2', `nc -w 2 ${await addressOn('published', 'n2')} 80`)).stdout, /^published/);
  t.match((await host.run('nc', '-w', '2', '127.0.0.1', '8080')).stdout, /^published/, 'and its port is still published');
  await host.docker('network', 'disconnect', 'n2', 'published');
  t.match((await host.run('nc', '-w', '2', '127.0.0.1', '8080')).stdout, /^published/);
});

t.test('nothing is left', async (t) => {
  await host.docker('rm', '-f', 's1', 's2', 'c1', 'c2', 'published');
  await host.netctl('service', 'rm', '-t', 'blue', 'web', 'two');
  await host.docker('network', 'rm', 'n1', 'n2');
  t.strictSame(await listed(), before);
  // What Docker had asked for when netctld was killed is taken back after a while.
  await until('only the tenants are in the store', async () => {
    const keys = (await storeKeys(host)).join(' ');
    return keys === 'tenants/blue tenants/default' || keys;
  });
});
