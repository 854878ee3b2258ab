import t, { type Test } from 'tap';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { keys } from '../../../src/model/keys.js';
import { Bed, networkRequest, serviceRequest, until } from './bed.js';

// Networks that Docker makes by itself.

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  await bed.control.createTenant({ name: 'blue' });
  return bed;
}

const names = (bed: Bed): string[] => bed.control.listNetworks().map(({ tenant, name }) => `${tenant}/${name}`);
const named = (bed: Bed, ...expected: string[]): Promise<void> => until(`networks ${expected.join()}`, () => names(bed).join() === expected.join());
const stored = async (bed: Bed, prefix: string): Promise<number> => (await bed.store.list(prefix)).entries.length;

t.test('they become networks with all that Docker was told', async (t) => {
  const bed = await started(t);
  await bed.docker.makeNetwork('n1', { tenant: 'blue', subnet: '10.5.0.0/24', range: '10.5.0.128/25', gateway: '10.5.0.9', reserved: ['10.5.0.128', '10.5.0.77'] });
  await named(bed, 'blue/n1');
  const view = bed.control.network('blue', 'n1');
  t.match(JSON.parse(JSON.stringify(view)), {
    network: { ipv4: { prefix: '10.5.0.0/24', range: { first: '10.5.0.128', last: '10.5.0.255' }, gateway: '10.5.0.9' } },
    ...{ allocatedCount: 0, allocated: '', available: '10.5.0.129-10.5.0.254' },
  });
  const id = await bed.docker.run({ network: 'n1' });
  t.equal(bed.docker.addressOf(id), '10.5.0.129', 'the first of the range that is not set aside');
  await t.rejects(bed.docker.run({ network: 'n1', ip: '10.5.0.128' }), { code: 'conflict', message: /set aside with "--aux-address"/ });
  await t.rejects(bed.docker.run({ network: 'n1', ip: '10.5.0.9' }), { code: 'conflict', message: /gateway/ });
});

t.test('a container that comes before the name waits for it', async (t) => {
  const bed = await started(t);
  const list = bed.docker.listNetworks.bind(bed.docker);
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    bed.docker.listNetworks = async () => {
      resolve();
      await new Promise<void>((go) => (answer = go));
      return list();
    };
  });
  await bed.docker.makeNetwork('n1', { subnet: '10.5.0.0/24' });
  const running = bed.docker.run({ network: 'n1' });
  await asked;
  t.strictSame(names(bed), []);
  answer();
  t.equal(bed.docker.addressOf(await running), '10.5.0.2', 'behind the gateway');
});

t.test('docker network rm and netctl net rm leave nothing', async (t) => {
  const bed = await started(t);
  const before = (await bed.store.list('')).entries.map(({ key }) => key);
  const id = await bed.docker.makeNetwork('n1', { subnet: '10.5.0.0/24' });
  await named(bed, 'default/n1');
  await bed.docker.removeNetwork(id);
  const asBefore = (): Promise<void> => until('the store is as before', async () => (await bed.store.list('')).entries.map(({ key }) => key).join() === before.join());
  await asBefore();
  await bed.docker.makeNetwork('n1', { subnet: '10.5.0.0/24' });
  await named(bed, 'default/n1');
  await bed.control.deleteNetwork('default', 'n1');
  t.equal(bed.docker.networks.size, 0);
  await asBefore();
});

t.test('an overlap within the tenant is refused when Docker makes it, and with one that has no name yet', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('blue', 'own', '10.5.0.0/24'));
  const overlap = bed.docker.makeNetwork('n1', { tenant: 'blue', subnet: '10.5.0.128/25' });
  await t.rejects(overlap, { code: 'conflict', message: /10\.5\.0\.128\/25 overlaps with 10\.5\.0\.0\/24 of network own in tenant blue/ });
  t.equal(await stored(bed, keys.pools), 0, 'and its pool is gone');
  bed.docker.listNetworks = () => Promise.resolve([]);
  await bed.docker.makeNetwork('n2', { tenant: 'blue', subnet: '10.6.0.0/24' });
  await t.rejects(bed.docker.makeNetwork('n3', { tenant: 'blue', subnet: '10.6.0.0/24' }), { code: 'conflict', message: /that Docker is just making/ });
  await t.rejects(bed.control.createNetwork(networkRequest('blue', 'n4', '10.6.0.0/25')), { code: 'conflict' });
  await t.rejects(bed.docker.makeNetwork('n5', { tenant: 'green', subnet: '10.7.0.0/24' }), { code: 'not-found', message: /tenant green not found/ });
});

t.test('the same subnet in two tenants at the same time', async (t) => {
  const bed = await started(t);
  await Promise.all([bed.docker.makeNetwork('n1', { subnet: '10.5.0.0/24' }), bed.docker.makeNetwork('n2', { tenant: 'blue', subnet: '10.5.0.0/24' })]);
  await named(bed, 'blue/n2', 'default/n1');
  for (const network of ['n1', 'n2']) await bed.docker.run({ network });
  t.strictSame(bed.control.listEndpoints().map(({ endpoint }) => `${endpoint.tenant} ${endpoint.network} ${String(endpoint.addresses)}`).sort(), ['blue n2 10.5.0.2', 'default n1 10.5.0.2']);
});

t.test('without a subnet each gets one of the default pool that overlaps nothing', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('blue', 'own', '10.64.0.0/24'));
  await Promise.all([bed.docker.makeNetwork('a'), bed.docker.makeNetwork('b', { tenant: 'blue' })]);
  await named(bed, 'blue/b', 'blue/own', 'default/a');
  const subnets = bed.control.listNetworks().map(({ ipv4 }) => String(ipv4?.prefix)).sort();
  t.strictSame(subnets, ['10.64.0.0/24', '10.64.1.0/24', '10.64.2.0/24']);
  const open = (family: 4 | 6): Promise<string> => bed.control.pluginAddresses.openPool({ family }).then(({ prefix }) => prefix.toString());
  // Docker holds what overlaps with a route of the host that netctl does not see, and asks again.
  t.strictSame([await open(4), await open(4), await open(6), await open(6)], ['10.64.3.0/24', '10.64.4.0/24', 'fd00::/64', 'fd00:0:0:1::/64']);
});

t.test('a name that cannot be had is refused to every container, until it can', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('blue', 'n1', '10.1.0.0/24'));
  const id = await bed.docker.makeNetwork('n1', { tenant: 'blue', subnet: '10.5.0.0/24' });
  await bed.docker.makeNetwork('-n', { subnet: '10.6.0.0/24' });
  await t.rejects(bed.docker.run({ network: 'n1' }), { code: 'conflict', message: /^Docker network n1 is of no use: tenant blue has another network n1; remove it with "docker network rm n1"/ });
  await t.rejects(bed.docker.run({ network: '-n' }), { code: 'invalid', message: /"-n" is not a valid network name/ });
  t.match(bed.control.listEvents().find(({ name }) => name === '-n'), { type: 'warning', reason: 'NetworkRefused' });
  await bed.control.deleteNetwork('blue', 'n1');
  bed.docker.connect();
  await named(bed, 'blue/n1');
  await t.resolves(bed.docker.run({ network: 'n1' }));
  t.equal(bed.control.network('blue', 'n1').dockerNetworkId, id);
});

t.test('a tenant is not deleted while Docker makes a network of it', async (t) => {
  const bed = await started(t);
  const list = bed.docker.listNetworks.bind(bed.docker);
  bed.docker.listNetworks = () => Promise.resolve([]);
  const id = await bed.docker.makeNetwork('n1', { tenant: 'blue', subnet: '10.5.0.0/24' });
  await t.rejects(bed.control.deleteTenant('blue'), {
    code: 'in-use',
    message: `tenant blue cannot be deleted: Docker on host h1 has made a network of it that has no name yet; try again in a moment, or remove it there with "docker network rm ${id.slice(0, 12)}"`,
  });
  bed.docker.listNetworks = list;
  await bed.docker.removeNetwork(id);
  await t.resolves(bed.control.deleteTenant('blue'));
});

t.test('a network that Docker names with the tenant behind it', async (t) => {
  const bed = await started(t);
  await bed.docker.makeNetwork('n1/blue', { tenant: 'blue', subnet: '10.5.0.0/24' });
  await named(bed, 'blue/n1');
});

t.test('a crash at any place', async (t) => {
  const bed = await started(t);
  const pool = await bed.control.pluginAddresses.openPool({ family: 4, subnet: Prefix.parse('10.5.0.0/24') });
  t.equal(await stored(bed, keys.pools), 1);
  bed.now += 61_000;
  await bed.control.collectGarbage();
  t.equal(await stored(bed, keys.pools), 0, 'a pool that no network took is forgotten');
  await t.rejects(bed.control.pluginAddresses.requestAddress({ poolId: pool.poolId, purpose: 'endpoint' }), { code: 'not-found' });

  const list = bed.docker.listNetworks.bind(bed.docker);
  bed.docker.listNetworks = () => new Promise(() => undefined);
  await bed.docker.makeNetwork('n1', { subnet: '10.5.0.0/24' });
  bed.crash();
  bed.docker.listNetworks = list;
  await bed.start();
  t.teardown(() => bed.stop());
  await named(bed, 'default/n1');
  t.equal(bed.docker.addressOf(await bed.docker.run({ network: 'n1' })), '10.5.0.2', 'a name that came when nobody was there is learned later');

  await bed.control.pluginAddresses.openPool({ family: 4, subnet: Prefix.parse('10.6.0.0/24') });
  const subnets = [{ prefix: Prefix.parse('10.6.0.0/24'), gateway: IpAddress.parse('10.6.0.1'), reserved: [] }];
  const unnamed = { networkId: 'f'.repeat(64), tenant: 'blue', internal: false, addressesBy: 'netctl', subnets } as const;
  await bed.control.pluginEndpoints.createUnnamedNetwork(unnamed);
  bed.now += 61_000;
  await bed.control.collectGarbage();
  await until('what Docker never finished is forgotten', async () => (await stored(bed, keys.unnamed)) === 0);
  bed.now += 61_000;
  await bed.control.collectGarbage();
  t.equal(await stored(bed, keys.pools), 1, "only the living network's pool is left");

  const { poolId } = await bed.control.pluginAddresses.openPool({ family: 4, subnet: Prefix.parse('10.6.0.0/24') });
  await bed.control.pluginEndpoints.createUnnamedNetwork(unnamed);
  await bed.control.pluginAddresses.releasePool(poolId);
  t.equal(await stored(bed, keys.unnamed), 0, 'what Docker gave up because it got no answer is gone with its pool');
});

t.test("Docker's own IPAM may give the addresses; a service gets none", async (t) => {
  const bed = await started(t);
  const { pluginEndpoints } = bed.control;
  const networkId = 'd'.repeat(64);
  const subnets = [{ prefix: Prefix.parse('172.18.0.0/16'), gateway: IpAddress.parse('172.18.0.1'), reserved: [] }];
  await pluginEndpoints.createUnnamedNetwork({ networkId, tenant: 'default', internal: true, addressesBy: 'docker', subnets });
  const request = { name: 'my_app_default', options: {}, ipamOptions: {}, subnets: [], ipv6: false, internal: true, addressesBy: 'docker' } as const;
  bed.docker.networks.set(networkId, { id: networkId, name: request.name, driver: 'netctl', options: {}, request });
  bed.control.containerListener.networkMade();
  await pluginEndpoints.createEndpoint({ networkId, endpointId: 'e'.repeat(64), addresses: [IpAddress.parse('172.18.0.2')] });
  t.strictSame(bed.control.network('default', 'my_app_default').allocated, '172.18.0.2');
  t.equal(bed.control.network('default', 'my_app_default').network.internal, true);
  await t.rejects(bed.control.createService(serviceRequest('default', 'web', 'my_app_default', 'tier=web')), {
    code: 'invalid',
    message: /Docker's own IPAM gives its addresses.*use another network, or make this one with "--ipam-driver netctl"/,
  });
});
