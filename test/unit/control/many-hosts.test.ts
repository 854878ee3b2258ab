import t from 'tap';
import { MemoryStore } from '../../../daemon/store/memory.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { keys } from '../../../src/model/keys.js';
import { networkRequest, serviceRequest, until } from './bed.js';
import { allPresent, cluster, ClusterHost } from './cluster.js';

// Hosts that do the same at the same time.

const stored = async ({ everybodys }: ClusterHost, prefix: string): Promise<number> => (await everybodys.list(prefix)).entries.length;
const networksOf = ({ control }: ClusterHost): string[] => control.listNetworks().map(({ tenant, name }) => `${tenant}/${name}`);
const dockerNetworks = ({ docker }: ClusterHost): string[] => [...docker.networks.values()].map(({ name }) => name).toSorted();

/** Docker's own IPAM on a host makes a network; its id. */
async function makeWithoutIpam(host: ClusterHost, name: string, digit: string): Promise<string> {
  const networkId = digit.repeat(64);
  const subnets = [{ prefix: Prefix.parse('172.18.0.0/16'), gateway: IpAddress.parse('172.18.0.1'), reserved: [] }];
  await host.control.pluginEndpoints.createUnnamedNetwork({ networkId, tenant: 'default', internal: false, addressesBy: 'docker', subnets });
  const request = { name, options: {}, ipamOptions: {}, subnets: [], ipv6: false, internal: false, addressesBy: 'docker' } as const;
  host.docker.networks.set(networkId, { id: networkId, name, driver: 'netctl', options: {}, request });
  host.control.containerListener.networkMade();
  return networkId;
}

t.test('five hosts that start at once on an empty store', async (t) => {
  const store = new MemoryStore();
  const hosts = [1, 2, 3, 4, 5].map((number) => new ClusterHost(number, store));
  for (const host of hosts) t.teardown(() => host.stop());
  await Promise.all(hosts.map((host) => host.start()));
  await allPresent(hosts);
  for (const { host, control, errors, connection } of hosts) {
    t.equal(control.listTenants().length, 1, `${host} has tenant default`);
    t.same(errors, [], `${host} logged no error`);
    t.ok(connection.outcomes.refused <= 5, `${host} came ${connection.outcomes.refused} times too late`);
  }
});

t.test('the same network, asked for on all hosts at once, is one', async (t) => {
  const hosts = await cluster(t, 3);
  const answers = await Promise.all(hosts.map(({ control }) => control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254'))));
  t.equal(answers.filter(({ created }) => created).length, 1);
  t.equal(await stored(hosts[0], keys.bindings), 3, 'and there on all of them when they are answered');
  for (const host of hosts) {
    t.same(dockerNetworks(host), ['n1']);
    t.same(host.errors, []);
  }
});

t.test('a creation is answered when all hosts have the network in Docker', async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  const create = h2.docker.createNetwork.bind(h2.docker);
  let go = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    h2.docker.createNetwork = async (request) => {
      resolve();
      await new Promise<void>((release) => (go = release));
      return create(request);
    };
  });
  let answered = false;
  const creation = h1.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254')).finally(() => (answered = true));
  await asked;
  // Its answer waits for a later pass of the router than that of the creation, for which it waits in any case.
  await h1.control.createService(serviceRequest('default', 'web', 'n1', 'app=a'));
  t.equal(answered, false);
  go();
  await creation;
  t.equal(await stored(h1, keys.bindings), 2);
});

t.test('ten networks in four tenants, made on three hosts at once', async (t) => {
  const hosts = await cluster(t, 3);
  const [first, ...others] = hosts;
  const tenants = ['default', 'blue', 'green', 'red'];
  await Promise.all(tenants.slice(1).map((name, index) => (others[index] ?? first).control.createTenant({ name })));
  const wanted = Array.from({ length: 10 }, (_, index) => networkRequest(tenants[index % 4] ?? '', `n${index}`, `10.${index}.0.0/16`, `10.${index}.255.254`));
  await Promise.all(wanted.map((request, index) => (hosts[index % 3] ?? first).control.createNetwork(request)));
  await until('all are bound everywhere', async () => (await stored(hosts[0], keys.bindings)) === 30);
  const vnis = hosts[0].control.listNetworks().map(({ vni }) => vni);
  t.same(vnis.toSorted((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 'each has a packet tag of its own');
  await until('every host has an uplink for every tenant', async () => (await stored(hosts[0], keys.uplinks)) === 12);
  const { entries } = await hosts[0].everybodys.list(keys.uplinks);
  t.equal(new Set(entries.map(({ value }) => JSON.stringify({ ...(value as object), tenant: '' }))).size, 12, 'with numbers that are its own on the host');
  for (const host of hosts) t.same(host.errors, [], `${host.host} logged no error`);
});

t.test('networks that Docker makes on three hosts at once, without a subnet, do not overlap, and all hosts have all', async (t) => {
  const hosts = await cluster(t, 3);
  const [h1, h2] = hosts;
  await Promise.all(hosts.map((host) => host.docker.makeNetwork(`made-on-${host.host}`)));
  const all = ['made-on-h1', 'made-on-h2', 'made-on-h3'];
  for (const host of hosts) {
    await until(`${host.host} has all`, () => dockerNetworks(host).join() === all.join());
    t.same(networksOf(host), all.map((name) => `default/${name}`));
  }
  t.same(h1.control.listNetworks().map(({ ipv4 }) => String(ipv4?.prefix)).toSorted(), ['10.64.0.0/24', '10.64.1.0/24', '10.64.2.0/24']);
  await until('bound everywhere', async () => (await stored(h1, keys.bindings)) === 9);
  const addresses = await Promise.all(hosts.map(async ({ docker }) => docker.addressOf(await docker.run({ network: 'made-on-h1' }))));
  t.equal(new Set(addresses).size, 3, addresses.join());
  const [id] = [...(h2?.docker.networks.values() ?? [])].filter(({ name }) => name === 'made-on-h3').map((network) => network.id);
  await h2?.docker.removeNetwork(id ?? '');
  for (const host of hosts) await until(`it is gone on ${host.host}`, () => dockerNetworks(host).length === 2);
  await until('and so is its pool', async () => (await stored(h1, keys.pools)) === 2);
  for (const host of hosts) t.same(host.errors, [], `${host.host} logged no error`);
});

t.test('what one Docker releases late is not what another one asked for meanwhile', async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254'));
  const request = { poolId: 'default/n1/v4', purpose: 'endpoint', address: IpAddress.parse('10.1.1.7') } as const;
  await h2.control.pluginAddresses.requestAddress(request);
  await h1.control.pluginAddresses.releaseAddress(request.poolId, request.address);
  await t.rejects(h1.control.pluginAddresses.requestAddress(request), { code: 'conflict', message: /held by a container that is being started/ });
  await h2.control.pluginAddresses.releaseAddress(request.poolId, request.address);
  await t.resolves(h1.control.pluginAddresses.requestAddress(request));
});

t.test('two hosts whose Docker makes a network of the same name: the second is refused, and gets the first', async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  const results = await Promise.allSettled([h1, h2].map((host) => host.docker.makeNetwork('n1', { subnet: '10.5.0.0/24' })));
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  t.equal(refused.length, 1);
  t.match(refused[0]?.message, /subnet 10\.5\.0\.0\/24 overlaps with 10\.5\.0\.0\/24 of network .* in tenant default/);
  for (const host of [h1, h2]) {
    await until(`${host.host} has it`, () => dockerNetworks(host).join() === 'n1');
    await t.resolves(host.docker.run({ network: 'n1' }));
  }
  await until('nothing else is left', async () => (await stored(h1, keys.pools)) === 1 && (await stored(h1, keys.unnamed)) === 0);
});

t.test("with Docker's own IPAM on the host that made the network the others give addresses that it does not", async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  const networkId = await makeWithoutIpam(h1, 'app_default', 'd');
  await until('h2 has it', () => dockerNetworks(h2).join() === 'app_default');
  const [[other, made] = []] = h2.docker.networks;
  t.equal(made?.request.addressesBy, 'netctl');
  const near = h2.docker.addressOf(await h2.docker.run({ name: 'near', network: 'app_default' }));
  t.equal(near, '172.18.128.0', 'in the upper half');
  const endpoint = (id: string, digit: string) => ({ networkId: id, endpointId: digit.repeat(64), addresses: [IpAddress.parse('172.18.0.2')] });
  await h1.control.pluginEndpoints.createEndpoint(endpoint(networkId, 'a'));
  await t.rejects(h2.control.pluginEndpoints.createEndpoint(endpoint(other ?? '', 'b')), {
    code: 'conflict',
    message: /^Docker's own IPAM gave the address 172\.18\.0\.2 of network app_default, which a container on host h1 has: make the network with "--ipam-driver netctl"$/,
  });
  await h1.control.pluginEndpoints.deleteEndpoint(networkId, 'a'.repeat(64));
  for (const id of [...h2.docker.containers.keys()]) await h2.docker.remove(id);
  h2.docker.networks.clear();
  h2.docker.connect();
  await until('what one Docker lost is made again', () => dockerNetworks(h2).join() === 'app_default');
  t.same(networksOf(h1), ['default/app_default'], 'as the other one has it');
});
