import t from 'tap';
import type { Test } from 'tap';
import { keys } from '../../../src/model/keys.js';
import { NetctlError } from '../../../src/model/errors.js';
import { parseTerm } from '../../../src/selectors/parse.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';
import { untilTrue } from '../../support/until-true.js';
import { Bed } from './bed.js';

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  return bed;
}

const network = (name: string, subnet: string, tenant = 'default') => ({ tenant, name, ipv4: { prefix: Prefix.parse(subnet) } });
const service = (name: string, on: string) => ({
  ...{ tenant: 'default', name, network: on, selectors: [parseTerm('tier=web')] },
  ports: [{ port: 80, targetPort: 80, protocol: 'tcp' as const }],
  algorithm: 'roundrobin' as const,
  weights: [],
  prefer: 'any' as const,
  ips: [],
});

const namesIn = (bed: Bed): string[] => [...bed.docker.networks.values()].map(({ name }) => name).toSorted();

t.test('a network that Docker refuses stays if a service has its address from it meanwhile', async (t) => {
  const bed = await started(t);
  let refuse: (error: Error) => void = () => undefined;
  const create = bed.docker.createNetwork.bind(bed.docker);
  const asked = new Promise<void>((resolve) => {
    bed.docker.createNetwork = () => {
      bed.docker.createNetwork = create;
      resolve();
      return new Promise((_, reject) => (refuse = reject));
    };
  });
  const creation = bed.control.createNetwork(network('n1', '10.1.1.0/24'));
  await asked;
  const { service: made } = await bed.control.createService(service('web', 'n1'));
  refuse(new NetctlError('conflict', 'Docker would not'));
  await t.rejects(creation, { code: 'conflict' });
  t.equal(bed.control.network('default', 'n1').services[0], 'web', 'the service has its network');
  t.strictSame(made.addresses.map(String), ['10.1.1.1']);
  const held = await bed.store.list(keys.allocationsOf('default', 'n1'));
  t.equal(held.entries.length, 1, 'and its address');
  await untilTrue(() => bed.docker.networks.size === 1 && bed.control.network('default', 'n1').dockerNetworkId !== undefined);
  t.strictSame(namesIn(bed), ['n1'], 'its Docker network is made later');
});

t.test('a network that is made while Docker lists its networks is not taken for lost', async (t) => {
  const bed = await started(t);
  const list = bed.docker.listNetworks.bind(bed.docker);
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    bed.docker.listNetworks = async () => {
      const before = await list();
      bed.docker.listNetworks = list;
      resolve();
      await new Promise<void>((go) => (answer = go));
      return before;
    };
  });
  bed.docker.connect();
  await asked;
  await bed.control.createNetwork(network('n1', '10.1.1.0/24'));
  answer();
  await bed.control.leaveDocker();
  t.ok(bed.control.network('default', 'n1').dockerNetworkId, 'it is bound');
  t.strictSame(namesIn(bed), ['n1']);
  await t.resolves(bed.docker.run({ network: 'n1' }));
});

t.test('what Docker lost is made again, whatever it refuses besides', async (t) => {
  const bed = await started(t);
  for (const [index, name] of ['n1', 'n2', 'n3'].entries()) await bed.control.createNetwork(network(name, `10.1.${index}.0/24`));
  bed.docker.networks.clear();
  const create = bed.docker.createNetwork.bind(bed.docker);
  bed.docker.createNetwork = (request) => (request.name === 'n1' ? Promise.reject(new NetctlError('conflict', 'the name is taken')) : create(request));
  bed.docker.connect();
  await untilTrue(() => bed.docker.networks.size === 2);
  t.strictSame(namesIn(bed), ['n2', 'n3']);
  t.equal(bed.control.network('default', 'n1').dockerNetworkId, undefined);
});

t.test('docker network rm takes an unused network away, and not one with services', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(network('unused', '10.1.1.0/24'));
  await bed.control.createNetwork(network('used', '10.1.2.0/24'));
  await bed.control.createService(service('web', 'used'));
  for (const { id } of [...bed.docker.networks.values()]) await bed.docker.removeNetwork(id);
  t.throws(() => bed.control.network('default', 'unused'), { code: 'not-found' });
  t.strictSame((await bed.store.list(keys.allocationsOf('default', 'unused'))).entries, [], 'with all its addresses');
  await untilTrue(() => bed.docker.networks.size === 1 && bed.control.network('default', 'used').dockerNetworkId !== undefined);
  t.strictSame(namesIn(bed), ['used'], "the other one's Docker network is made again");
});

t.test('while a network is deleted nothing can begin to use it', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(network('n1', '10.1.1.0/24'));
  const [docker] = [...bed.docker.networks.values()];
  if (!docker) throw new Error('there is no Docker network');
  const { pluginAddresses, pluginEndpoints } = bed.control;
  bed.docker.removeNetwork = async () => {
    await t.rejects(bed.control.createService(service('web', 'n1')), { code: 'conflict', message: /just being deleted/ });
    await t.rejects(pluginAddresses.requestAddress({ poolId: 'default/n1/v4', purpose: 'endpoint' }), { code: 'conflict' });
    const endpoint = { networkId: docker.id, endpointId: 'e'.repeat(64), addresses: [IpAddress.parse('10.1.1.9')] };
    await t.rejects(pluginEndpoints.createEndpoint(endpoint), { code: 'conflict' });
    await t.rejects(bed.control.createNetwork(network('n1', '10.1.1.0/24')), { code: 'conflict' });
    throw new NetctlError('in-use', 'Docker would not');
  };
  await t.rejects(bed.control.deleteNetwork('default', 'n1'), { code: 'in-use' });
  await t.resolves(bed.control.createService(service('web', 'n1')), 'after a refusal all is as it was');
});

t.test('a daemon with another state leaves the routers of running containers alone', async (t) => {
  const bed = new Bed();
  await bed.start();
  for (const [tenant, subnet] of [['default', '10.1.1.0/24'], ['blue', '10.1.2.0/24'], ['green', '10.1.3.0/24']] as const) {
    await bed.control.createTenant({ name: tenant });
    await bed.control.createNetwork(network('n1', subnet, tenant));
  }
  await bed.docker.run({ network: 'n1' });
  await bed.docker.run({ network: 'n1/blue' });
  await bed.stop();
  const { entries } = await bed.store.list('');
  await bed.store.transact({ conditions: [], operations: entries.map(({ key }) => ({ key, delete: true })) });
  bed.dockerIsAway = true;
  await bed.start();
  t.teardown(() => bed.stop());
  let routers: string[] = [];
  while (routers.length !== 2) {
    await new Promise((resolve) => setImmediate(resolve));
    routers = await bed.routers.list();
  }
  t.strictSame(routers, ['blue', 'default'], 'and removes the one that has none');
});

t.test("a container does not get a gateway's MAC address", async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(network('n1', '10.1.1.0/24'));
  const [docker] = [...bed.docker.networks.values()];
  const endpoint = (mac: string) => ({ networkId: docker?.id ?? '', endpointId: 'e'.repeat(64), addresses: [IpAddress.parse('10.1.1.9')], mac: Mac.parse(mac) });
  await t.rejects(bed.control.pluginEndpoints.createEndpoint(endpoint('02:01:00:00:00:01')), { code: 'invalid', message: /is a gateway's/ });
  await t.resolves(bed.control.pluginEndpoints.createEndpoint(endpoint('02:01:01:00:00:01')));
});

t.test('a deletion that a crash interrupted is taken back', async (t) => {
  const bed = await started(t);
  await bed.control.createTenant({ name: 'blue' });
  await bed.control.createNetwork(network('n1', '10.1.1.0/24', 'blue'));
  const remove = bed.docker.removeNetwork.bind(bed.docker);
  bed.docker.removeNetwork = () => new Promise(() => (bed.docker.removeNetwork = remove));
  void bed.control.deleteNetwork('blue', 'n1').catch(() => undefined);
  await untilTrue(() => bed.control.network('blue', 'n1').network.deleting !== undefined);
  bed.crash();
  await bed.start();
  t.equal(bed.control.network('blue', 'n1').network.deleting, undefined);
  await t.resolves(bed.control.createService({ ...service('web', 'n1'), tenant: 'blue' }));
});

t.test('a network goes with more addresses that rest than a transaction can take', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(network('n1', '10.1.0.0/16'));
  const rest = (address: string) => ({ key: keys.allocation('default', 'n1', IpAddress.parse(address)), put: { v: 1, tenant: 'default', network: 'n1', address, owner: { kind: 'resting' }, since: 0 } });
  for (let third = 1; third <= 12; third++) {
    await bed.store.transact({ conditions: [], operations: Array.from({ length: 250 }, (_, i) => rest(`10.1.${third}.${i}`)) });
  }
  await bed.control.deleteNetwork('default', 'n1');
  t.strictSame((await bed.store.list(keys.allocationsOf('default', 'n1'))).entries, []);
  t.throws(() => bed.control.network('default', 'n1'), { code: 'not-found' });
});
