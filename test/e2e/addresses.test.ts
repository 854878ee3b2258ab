import t, { type Test } from 'tap';
import { labHost, tally, type Ended } from './support/lab.js';

// Who gets which address, and who is refused, why. A released address rests for long enough here that
// none is rested before the file ends, but where a test says otherwise.

const host = await labHost(t, 'addresses', { LAB_NETCTLD_OPTS: '--address-rest 3600' });
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});

const service = (name: string, network: string, ...options: string[]): Promise<Ended> =>
  host.run('netctl', 'service', 'create', name, '--network', network, '--selector=a=b', '--port', '80:80:tcp', ...options);

const container = (name: string, network: string, ...options: string[]): Promise<Ended> =>
  host.run('docker', 'run', '-d', '--name', name, '--net', network, ...options, 'alpine', 'sleep', '10000');

/** A container that must start. */
async function start(name: string, network: string, ...options: string[]): Promise<void> {
  const { exitCode, stderr } = await container(name, network, ...options);
  if (exitCode !== 0) throw new Error(`docker run ${name}: ${stderr}`);
}

async function containerIp(name: string): Promise<string> {
  const networks = JSON.parse(await host.docker('inspect', '--format', '{{json .NetworkSettings.Networks}}', name)) as Record<string, { IPAddress: string }>;
  return Object.values(networks).map(({ IPAddress }) => IPAddress).join(' ');
}

async function serviceIp(name: string): Promise<string> {
  return (await host.service(name)).Oper.serviceVip;
}

/** What `inspect` says of the network's addresses: how many, which, and which are left. */
async function addressesOf(network: string): Promise<[number, string, string]> {
  const { Oper } = await host.inspect<{ Oper: { allocatedAddressesCount: number; allocatedIPAddresses: string; availableIPAddresses: string } }>(`networks/default:${network}`);
  return [Oper.allocatedAddressesCount, Oper.allocatedIPAddresses, Oper.availableIPAddresses];
}

/** It fails, says this, and no address has changed hands. */
async function refused(t: Test, network: string, ended: () => Promise<Ended>, reason: RegExp): Promise<void> {
  const before = await addressesOf(network);
  const { exitCode, stderr } = await ended();
  t.not(exitCode, 0, 'it fails');
  t.match(stderr, reason, 'it says why');
  t.strictSame(await addressesOf(network), before, 'nothing has changed');
}

t.test('a network of 254 addresses', async (t) => {
  await host.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254');

  t.test('what a container or a service may have', async (t) => {
    t.strictSame(await addressesOf('blue'), [0, '', '10.1.1.1-10.1.1.253'], 'nobody has an address, and the gateway is not to be had');
    await start('c1', 'blue');
    t.equal(await containerIp('c1'), '10.1.1.1', 'the lowest address');
    t.equal((await service('web', 'blue', '-ip', '10.1.1.9')).exitCode, 0);
    t.equal(await serviceIp('web'), '10.1.1.9', 'the address that was asked for');
    await start('c5', 'blue', '--ip', '10.1.1.5');
    t.equal(await containerIp('c5'), '10.1.1.5', 'likewise for a container');
    t.strictSame(await addressesOf('blue'), [3, '10.1.1.1, 10.1.1.5, 10.1.1.9', '10.1.1.2-10.1.1.4, 10.1.1.6-10.1.1.8, 10.1.1.10-10.1.1.253']);
  });

  const refusals: [string, string, RegExp][] = [
    ['a container\'s', '10.1.1.1', /address 10\.1\.1\.1 of network blue is held by container/],
    ['a service\'s', '10.1.1.9', /address 10\.1\.1\.9 of network blue is held by service web/],
    ['the gateway\'s', '10.1.1.254', /address 10\.1\.1\.254 is the gateway of network blue/],
    ['the network\'s own', '10.1.1.0', /address 10\.1\.1\.0 is the network address of subnet 10\.1\.1\.0\/24/],
    ['the broadcast', '10.1.1.255', /address 10\.1\.1\.255 is the broadcast address of subnet 10\.1\.1\.0\/24/],
  ];
  for (const [whose, address, reason] of refusals) {
    t.test(`${whose} address`, async (t) => {
      await refused(t, 'blue', () => service('other', 'blue', '-ip', address), reason);
      t.equal((await host.run('netctl', 'service', 'inspect', 'other')).exitCode === 0, false, 'there is no such service');
      await refused(t, 'blue', () => container('other', 'blue', '--ip', address), reason);
      await host.docker('rm', '-f', 'other');
    });
  }

  t.test('an address outside of the subnet', async (t) => {
    await refused(t, 'blue', () => service('other', 'blue', '-ip', '10.1.2.1'), /address 10\.1\.2\.1 is not in subnet 10\.1\.1\.0\/24 of network blue/);
    // Docker looks at this itself, or asks netctl: either is refused.
    await refused(t, 'blue', () => container('other', 'blue', '--ip', '10.1.2.1'), /10\.1\.2\.1|no configured subnet/);
    await host.docker('rm', '-f', 'other');
    t.equal((await service('other', 'blue', '-ip', 'nonsense')).exitCode, 3, 'what is no address is wrong usage');
  });

  t.test('released addresses rest while others are free', async (t) => {
    await host.docker('rm', '-f', 'c1', 'c5');
    await host.netctl('service', 'rm', 'web');
    t.strictSame(await addressesOf('blue'), [0, '', '10.1.1.1-10.1.1.253'], 'all can be had again');
    await start('c2', 'blue');
    t.equal(await containerIp('c2'), '10.1.1.2', 'the lowest that does not rest is given');
    t.equal((await service('web', 'blue')).exitCode, 0);
    t.equal(await serviceIp('web'), '10.1.1.3');
    t.equal((await service('web5', 'blue', '-ip', '10.1.1.5')).exitCode, 0, 'a resting address can be claimed');
    await host.docker('rm', '-f', 'c2');
    await host.netctl('service', 'rm', 'web');
    await host.netctl('service', 'rm', 'web5');
  });

  t.test('a stopped container gives its address back, a started one gets another', async (t) => {
    await start('again', 'blue');
    const first = await containerIp('again');
    await host.docker('stop', '-t', '0', 'again');
    t.equal((await addressesOf('blue'))[0], 0, 'nothing is held');
    await host.docker('start', 'again');
    t.not(await containerIp('again'), first, 'the first one rests');
    await start('fixed', 'blue', '--ip', '10.1.1.77');
    await host.docker('restart', '-t', '0', 'fixed');
    t.equal(await containerIp('fixed'), '10.1.1.77', 'what was asked for with --ip stays');
    await host.docker('rm', '-f', 'again', 'fixed');
  });
});

t.test('a network of six addresses', async (t) => {
  await host.netctl('net', 'create', 'tiny', '-s', '10.2.1.0/29', '-g', '10.2.1.1');
  for (const name of ['t1', 't2', 't3', 't4']) await start(name, 'tiny');
  t.equal((await service('last', 'tiny')).exitCode, 0);
  t.equal(await serviceIp('last'), '10.2.1.6');
  t.strictSame(await addressesOf('tiny'), [5, '10.2.1.2-10.2.1.6', ''], 'none is left');

  await refused(t, 'tiny', () => container('t5', 'tiny'), /network tiny has no free address: all 5 of subnet 10\.2\.1\.0\/29 are held/);
  await refused(t, 'tiny', () => service('more', 'tiny'), /network tiny has no free address: all 5 of subnet 10\.2\.1\.0\/29 are held/);

  await host.docker('rm', '-f', 't2', 't5');
  await host.docker('rm', '-f', 't4');
  t.strictSame(await addressesOf('tiny'), [3, '10.2.1.2, 10.2.1.4, 10.2.1.6', '10.2.1.3, 10.2.1.5']);
  t.equal((await service('more', 'tiny')).exitCode, 0);
  t.equal(await serviceIp('more'), '10.2.1.3', 'where nothing else is left, what rests longest is given');
  await start('t6', 'tiny');
  t.equal(await containerIp('t6'), '10.2.1.5', 'and then what rests next');
});

t.test('a range of a subnet', async (t) => {
  await host.netctl('net', 'create', 'range', '-s', '10.3.1.50-10.3.1.60/24', '-g', '10.3.1.1');
  t.strictSame(await addressesOf('range'), [0, '', '10.3.1.50-10.3.1.60']);
  await start('r1', 'range');
  t.equal(await containerIp('r1'), '10.3.1.50', 'its first address');
  await refused(t, 'range', () => container('r2', 'range', '--ip', '10.3.1.61'), /address 10\.3\.1\.61 is outside the range 10\.3\.1\.50-10\.3\.1\.60/);
  await refused(t, 'range', () => service('r3', 'range', '-ip', '10.3.1.49'), /address 10\.3\.1\.49 is outside the range 10\.3\.1\.50-10\.3\.1\.60/);
  t.equal((await service('r3', 'range', '-ip', '10.3.1.60')).exitCode, 0, 'its last address can be claimed');
  t.strictSame(await addressesOf('range'), [2, '10.3.1.50, 10.3.1.60', '10.3.1.51-10.3.1.59']);
  t.match(await host.inside('r1', 'ip -4 address show eth0'), { stdout: /10\.3\.1\.50\/24/ }, 'the container has the whole subnet on its link');
});

t.test("Contiv's texts, without a gateway", async (t) => {
  await host.netctl('net', 'create', 'contiv', '-s', '10.4.1.0/24');
  t.strictSame(await addressesOf('contiv'), [0, '', '10.4.1.1-10.4.1.254']);
  await start('e1', 'contiv');
  t.strictSame(await addressesOf('contiv'), [1, '10.4.1.1', '10.4.1.2-10.4.1.254']);
  await start('e5', 'contiv', '--ip', '10.4.1.5');
  t.strictSame(await addressesOf('contiv'), [2, '10.4.1.1, 10.4.1.5', '10.4.1.2-10.4.1.4, 10.4.1.6-10.4.1.254']);
  await host.docker('rm', '-f', 'e1', 'e5');
  t.strictSame(await addressesOf('contiv'), [0, '', '10.4.1.1-10.4.1.254'], 'back to nothing');
});

t.test('twenty containers and five services at once', async (t) => {
  await host.netctl('net', 'create', 'many', '-s', '10.5.1.0/24', '-g', '10.5.1.254');
  const names = Array.from({ length: 20 }, (_, index) => `m${index}`);
  const services = Array.from({ length: 5 }, (_, index) => `ms${index}`);
  const ended = await Promise.all([...names.map((name) => container(name, 'many')), ...services.map((name) => service(name, 'many'))]);
  t.strictSame(ended.filter(({ exitCode }) => exitCode !== 0), [], 'all succeed');
  const held = await Promise.all([...names.map(containerIp), ...services.map(serviceIp)]);
  t.strictSame(Object.values(tally(held.join('\n'))), held.map(() => 1), 'no address is held twice');
  t.strictSame(await addressesOf('many'), [25, '10.5.1.1-10.5.1.25', '10.5.1.26-10.5.1.253'], 'they are the lowest 25');
});
