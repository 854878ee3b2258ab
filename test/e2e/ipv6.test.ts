import t from 'tap';
import { dataplane } from './support/dataplane.js';
import { storeKeys } from './support/holdings.js';
import { labHost, until, untilProviders } from './support/lab.js';
import { refusals } from './support/refusals.js';
import { answers, Traffic } from './support/traffic.js';
import { dualWorld, ipv6World, Place } from './support/world.js';

// What services promise, over IPv6: in a tenant without any IPv4, and in one that has both. Their IPv6 addresses are the same.

const host = await labHost(t, 'six');
t.teardown(async () => {
  if (!t.passing()) t.comment(await host.log('netctld'));
});
const [six, dual] = [new Place(host, ipv6World), new Place(host, dualWorld)];

await t.test('networks of IPv6 alone', (t) => dataplane(t, host, ipv6World));
await t.test('networks of both families', (t) => dataplane(t, host, dualWorld));
await t.test('refusals', (t) => refusals(t, host, { ...ipv6World, name: 'no6', tenant: 'refused' }));

await t.test('two tenants with the same addresses at the same time', async (t) => {
  for (const place of [six, dual]) await place.netctl('service', 'create', 'own', '-t', place.world.tenant, '-s', 'plain', '-ip', '2001:db8:a::50', '-l', `own=${place.world.name}`, '-p', '80:81:tcp');
  await Promise.all(
    [six, dual].map(async (place) => {
      await place.run('own', 'blue', `--label=own=${place.world.name}`);
      await (await Traffic.from(t, host, place.container('own'))).listen(81, place.world.name, 'closes');
      await untilProviders(host, 'own', [place.container('own')], place.world.tenant);
    }),
  );
  await Promise.all(
    [six, dual].map(async (place) => {
      const client = await Traffic.from(t, host, place.container('third'));
      t.strictSame(answers(await client.connect('2001:db8:a::50', 80, 30)), { [`${place.world.name} ${await place.addressOf('third')}`]: 30 });
    }),
  );
});

await t.test('a provider drains, and UDP leaves it', async (t) => {
  const [ip, { tenant }] = ['2001:db8:b::50', ipv6World];
  await six.netctl('service', 'create', 'slow', '-t', tenant, '-s', 'routed', '-ip', ip, '-l', 'slow', '-p', '81:82:tcp', '-p', '53:54:udp');
  for (const name of ['s1', 's2']) {
    // Lives for a while after its stop signal.
    await host.docker('run', '-d', '--name', six.container(name), `--net=${six.network('blue')}`, '--label=slow', 'alpine', 'sh', '-c', "trap 'sleep 5; exit 0' TERM; sleep 100000 & wait");
    const server = await Traffic.from(t, host, six.container(name));
    await server.listen(82, name, 'repeats');
    await server.serve(54, name);
  }
  await untilProviders(host, 'slow', [six.container('s1'), six.container('s2')], tenant);
  const client = await Traffic.from(t, host, six.container('third'));
  const held = [await client.hold(ip, 81), await client.hold(ip, 81)];
  t.strictSame(held.map(({ greeting }) => greeting.split(' ')[0]).sort(), ['s1', 's2'], 'one connection to each');
  const asked = async (): Promise<string> => (await client.datagram(ip, 53, 40_000)).answer?.split(' ')[0] ?? 'nobody';
  const before = await asked();
  const stopping = before === 's1' ? 's1' : 's2';
  const staying = before === 's1' ? 's2' : 's1';
  const stopped = host.docker('stop', six.container(stopping));
  await untilProviders(host, 'slow', [six.container(staying)], tenant);
  const open = held.find(({ greeting }) => greeting.startsWith(`${stopping} `));
  t.equal(await open?.say('still there?'), 'still there?', 'the open connection lives');
  const next = [await client.hold(ip, 81), await client.hold(ip, 81)].map(({ greeting }) => greeting.split(' ')[0]);
  t.strictSame(next, [staying, staying], 'new ones go to the other');
  await stopped;
  await until('the client with a fixed source port is served by the other', async () => (await asked()) === staying || 'by nobody');
});

await t.test('a container on two networks of IPv6 alone', async (t) => {
  await host.docker('network', 'connect', six.network('plain'), six.container('third'));
  await host.docker('network', 'connect', six.network('blue'), six.container('third'));
  t.equal((await six.inside('third', 'ls /sys/class/net')).stdout.split(/\s+/).sort().join(' '), 'eth0 eth1 eth2 lo');
  t.equal((await six.inside('third', 'ip -6 route show default')).stdout.match(/default/g)?.length, 1, 'one default route');
  await (await Traffic.from(t, host, six.container('p1'))).listen(80, 'p1', 'closes');
  t.equal((await six.inside('third', `nc -zw 2 ${await six.addressOf('p1')} 80`)).exitCode, 0, 'it is on its network now');
  t.equal((await six.inside('third', `nc -zw 2 ${six.container('p1')} 80`)).exitCode, 0, "and reaches it by Docker's name");
  const { exitCode, stderr } = await host.run('docker', 'run', '--rm', `--net=${six.network('blue')}`, '--ip=169.254.9.9', 'alpine', 'true');
  t.not(exitCode, 0, 'no IPv4 address can be had');
  t.match(stderr, /user configured subnets|has no IPv4 subnet/);
});

await t.test('nothing is left', async (t) => {
  await host.ok('sh', '-c', 'docker rm -f $(docker ps -aq)');
  for (const [tenant, services] of [['six', ['web', 'api', 'own', 'slow']], ['dual', ['web', 'api', 'own']], ['refused', ['deaf']]] as const) {
    await host.netctl('service', 'rm', '-t', tenant, ...services);
    await host.netctl('net', 'rm', '-t', tenant, 'plain', 'blue', 'green', ...(tenant === 'refused' ? [] : ['routed']));
    await host.netctl('tenant', 'rm', tenant);
  }
  t.strictSame(await storeKeys(host), ['tenants/default']);
});
