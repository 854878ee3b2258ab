import t, { type Test } from 'tap';
import { portName } from '../../../src/fabric/names.js';
import { keys } from '../../../src/model/keys.js';
import { encodeStored } from '../../../src/model/stored.js';
import { IpAddress, Mac } from '../../../src/model/address.js';
import { probeRouter } from '../../../src/probe/segment.js';
import { cluster, type ClusterHost } from './cluster.js';
import { networkRequest, until } from './bed.js';

const network = networkRequest('default', 'n1', '10.1.0.0/16', '10.1.255.254');

/** The keys of the store that say something of the host. */
const heldBy = async ({ everybodys }: ClusterHost, host: string): Promise<string[]> => {
  const { entries } = await everybodys.list('');
  const says = (value: unknown): boolean => JSON.stringify(value).includes(`"${host}"`);
  return entries.flatMap(({ key, value }) => (says(value) ? [key] : []));
};

/** So that one transaction does not suffice. */
async function hold(host: ClusterHost, name: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 25) {
    const operations = Array.from({ length: Math.min(25, count - at) }, (_, index) => {
      const [id, address] = [(at + index).toString(16).padStart(64, 'e'), IpAddress.parse('10.1.7.0').plus(BigInt(at + index))];
      const endpoint = encodeStored({ id, tenant: 'default', network: 'n1', addresses: [address], mac: Mac.fromIp(address), host: name });
      const allocation = encodeStored({ tenant: 'default', network: 'n1', address, owner: { kind: 'endpoint', id }, since: 1 });
      return [{ key: keys.endpoint(id), put: endpoint }, { key: keys.allocation('default', 'n1', address), put: allocation }];
    });
    await host.everybodys.transact({ conditions: [], operations: operations.flat() });
  }
}

/** Whether the host's router has the link of the endpoint. */
const hasPort = async ({ kernel }: ClusterHost, endpoint: string): Promise<boolean> => (await kernel.fabric.read('default')).links.has(portName(endpoint));

t.test('what a host held that is gone for good is free', async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(network);
  await until('Docker has the network everywhere', () => h2.docker.networks.size === 1);
  await h2.docker.run({ name: 'web', network: 'n1', publish: [{ protocol: 6, port: 80, hostPort: 8080, hostPortEnd: 8080 }] });
  await h2.control.pluginAddresses.openPool({ family: 4 });
  await h2.control.pluginAddresses.requestAddress({ poolId: 'default/n1/v4', purpose: 'endpoint' });
  await until('h2 has told of its container', async () => (await h1.everybodys.list(keys.containersOf('h2'))).entries.length === 1);
  await hold(h1, 'h2', 120);
  await until('h1 knows of all', () => h1.control.listEndpoints().length === 121);
  await t.rejects(h1.control.removeHost('h2'), { code: 'in-use', message: /^host h2 is there, and its containers run: stop netctld on it first/ });
  await t.rejects(h1.control.removeHost('h1'), { code: 'invalid', message: /^host h1 is the one that was asked/ });
  await t.rejects(h1.control.removeHost('h3'), { code: 'not-found', message: 'host h3 not found: see "netctl host ls"' });
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.host('h2').state === 'away');
  t.ok((await heldBy(h1, 'h2')).length > 122);
  t.same(await h1.control.removeHost('h2'), { endpoints: 121, addresses: 122, ports: 1 });
  t.same(await heldBy(h1, 'h2'), [], 'no key says anything of it');
  t.same(h1.control.listHosts().map(({ name }) => name), ['h1']);
  t.same(h1.control.network('default', 'n1').allocatedCount, 0);
  const held = (await h1.everybodys.list('allocations/')).entries.map(({ value }) => (value as { owner: { kind: string } }).owner.kind);
  t.same(held.filter((kind) => kind === 'resting').length, 122, 'its addresses rest, like all that are released');
  await until('it is told', () => h1.control.listEvents().some(({ kind, name, reason }) => kind === 'host' && name === 'h2' && reason === 'HostRemoved'));
  await t.rejects(h1.control.removeHost('h2'), { code: 'not-found' });
  await until('no way is left to be measured', async () => !(await h1.routers.list()).includes(probeRouter));
});

/** The removal of h2, which is away, is under way: a part of what it held is free. */
async function halfRemoved(t: Test) {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(network);
  await hold(h1, 'h2', 120);
  await until('h1 knows of all', () => h1.control.listEndpoints().length === 120);
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.host('h2').state === 'away');
  const removal = h1.control.removeHost('h2');
  await until('a part of it is free', () => h1.control.listEndpoints().length < 120);
  return { h1, h2, removal };
}

t.test('a removal that was interrupted is done again', async (t) => {
  const { h1, removal } = await halfRemoved(t);
  h1.connection.cut();
  await t.rejects(removal, { code: 'unavailable' });
  await h1.connection.mend();
  t.ok(h1.control.listEndpoints().length > 0);
  t.equal(h1.control.host('h2').state, 'away', 'the host is still known');
  await h1.control.removeHost('h2');
  t.same(await heldBy(h1, 'h2'), []);
});

t.test('a host that comes back meanwhile keeps what is left', async (t) => {
  const { h1, h2, removal } = await halfRemoved(t);
  await h2.connection.mend();
  await t.rejects(removal, { code: 'in-use', message: /^host h2 is there/ });
  t.ok(h1.control.listEndpoints().length > 0);
  t.equal(h1.control.host('h2').state, 'ready');
});

t.test('a host that was removed and is alive after all is one of them again', async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(network);
  await until('Docker has the network everywhere', () => h2.docker.networks.size === 1);
  const web = await h2.docker.run({ name: 'web', network: 'n1' });
  const [address, endpoint] = [h2.docker.addressOf(web), h2.docker.endpointOf(web)];
  await until('h1 knows its endpoint', () => h1.control.listEndpoints().length === 1);
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.host('h2').state === 'away');
  await h1.control.removeHost('h2');
  const heir = await h1.docker.run({ name: 'heir', network: 'n1', ip: address });
  t.equal(h1.docker.addressOf(heir), address, 'its address goes to another');
  t.ok(await hasPort(h2, endpoint), 'as long as it is cut off it goes on');
  await h2.connection.mend();
  await until('all know it again', () => h1.control.listHosts().length === 2 && h2.control.listHosts().length === 2);
  t.equal(h1.control.host('h2').state, 'ready');
  await until('its Docker network stands for the network again', () => h2.control.network('default', 'n1').dockerNetworkId !== undefined);
  await until('nobody has the address twice', async () => !(await hasPort(h2, endpoint)));
  t.match(h2.control.listEvents().filter(({ reason }) => reason === 'HostRemoved'), [{ kind: 'host', name: 'h2', message: /^somebody removed this host while nothing was heard of it/ }]);
  await until('its router has its link again', async () => !(await h2.control.examine()).some(({ check, status }) => check === 'router of default' && status === 'failed'));
  const told = (await h2.control.examine()).filter(({ status }) => status === 'failed').map(({ check, message, remedy }) => [check, message, remedy]);
  t.same(told, [['containers', 'their host was removed meanwhile, and they have lost their addresses: web', 'restart them, which gives them others: docker restart web']]);
  await h2.docker.stop(web);
  await h2.docker.start(web);
  t.not(h2.docker.addressOf(web), address, 'when it is restarted it gets another');
  await until('all is well', async () => (await h2.control.examine()).every(({ status }) => status === 'ok'));
  t.same((await h1.everybodys.list('endpoints/')).entries.length, 2);
});
