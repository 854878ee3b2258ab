import t from 'tap';
import { keys } from '../../../src/model/keys.js';
import { balancedOn, cluster, ClusterHost } from './cluster.js';
import { networkRequest, serviceRequest, until } from './bed.js';

const web = serviceRequest('default', 'web', 'n1', 'app=a', '10.1.1.100');
const network = networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254');

/** Who provides the service, as the host sees it. */
const providersOn = ({ control }: ClusterHost): string[] => control.service('default', 'web').providers.map(({ endpoint, container }) => `${container?.name ?? ''} on ${endpoint.host}`);

t.test('the providers of a service are on all hosts, and every host balances over all of them', async (t) => {
  const [h1, h2, h3] = await cluster(t, 3);
  if (!h2 || !h3) throw new Error('there are three hosts');
  await h1.control.createNetwork(network);
  await until('Docker has the network everywhere', () => h2.docker.networks.size === 1 && h3.docker.networks.size === 1);
  await h2.control.createService(web);
  for (const host of [h1, h2, h3]) await host.docker.run({ name: `web-${host.host}`, network: 'n1', labels: { app: 'a' } });
  for (const host of [h1, h2, h3]) {
    await until(`${host.host} knows all`, () => providersOn(host).length === 3);
    t.same(providersOn(host), ['web-h1 on h1', 'web-h2 on h2', 'web-h3 on h3']);
    await until(`${host.host} balances over all`, async () => (await balancedOn(host)).length === 3);
    t.same(await balancedOn(host), ['10.1.1.1', '10.1.1.2', '10.1.1.3']);
  }
});

t.test('a host that is away has no providers, and all is as before when it is back', async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(network);
  await until('Docker has the network everywhere', () => h2.docker.networks.size === 1);
  await h1.control.createService(web);
  await h1.docker.run({ name: 'near', network: 'n1', labels: { app: 'a' } });
  await h2.docker.run({ name: 'far', network: 'n1', labels: { app: 'a' } });
  await until('both are balanced over', async () => (await balancedOn(h1)).length === 2);
  await h2.vanish();
  await until('only the one that is there is left', async () => (await balancedOn(h1)).length === 1);
  t.same(await balancedOn(h1), ['10.1.1.1']);
  const far = h1.control.explainService('default', 'web').containers.find(({ container }) => container.name === 'far');
  t.match(far, { host: 'h2', provider: false, reason: /^its host h2 is away since / });
  t.match(h1.control.listEvents().filter(({ kind }) => kind === 'host').at(-1), { name: 'h2', reason: 'HostAway' });
  t.equal(h1.control.listEndpoints().length, 2, 'its endpoint keeps its address');
  t.same(providersOn(h2), ['near on h1', 'far on h2'], 'the host that is cut off goes on with what it knows');
  await t.rejects(h2.control.createTenant({ name: 'blue' }), { code: 'unavailable' }, 'and refuses what it cannot write');
  await h2.connection.mend();
  await until('it is one of them again', async () => (await balancedOn(h1)).length === 2);
  t.match(h1.control.listEvents().filter(({ kind }) => kind === 'host').at(-1), { name: 'h2', reason: 'HostReady' });
});

t.test('a container that drains on one host gets nothing new on all of them', async (t) => {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(network);
  await until('Docker has the network everywhere', () => h2.docker.networks.size === 1);
  await h1.control.createService(web);
  const far = await h2.docker.run({ name: 'web', network: 'n1', labels: { app: 'a' } });
  const near = await h1.docker.run({ name: 'web', network: 'n1', labels: { app: 'a' } });
  await until('both are balanced over', async () => (await balancedOn(h1)).length === 2);
  h2.docker.set(far, { stopping: true });
  await until('the one that stops is left out', async () => (await balancedOn(h1)).length === 1);
  h2.docker.set(far, { stopping: false });
  await until('it is back', async () => (await balancedOn(h1)).length === 2);
  await t.rejects(h1.control.drainService('default', 'web', 'web'), { code: 'conflict', message: /2 containers are called web \(.* on h1, .* on h2\): give the beginning of an id/ });
  t.equal((await h1.control.drainService('default', 'web', far)).changed, true, 'it is drained from another host, by its id');
  await until('on both hosts', async () => (await balancedOn(h1)).length === 1 && (await balancedOn(h2)).length === 1);
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.listEvents().some(({ reason }) => reason === 'HostAway'));
  await h1.docker.remove(near);
  await h1.everybodys.transact({ conditions: [], operations: [{ key: keys.container('h2', far), delete: true }] });
  await h1.control.collectGarbage();
  t.same(h1.control.service('default', 'web').service.drained, [far], 'what nobody knows of is not forgotten while a host is away');
});

t.test('a second machine of the same name, or of the same address, is refused', async (t) => {
  const [h1] = await cluster(t, 1);
  await t.rejects(new ClusterHost(1, h1.everybodys, 'another-id').start(), { code: 'conflict', message: /another machine is called h1 \(at 192\.168\.7\.1\): choose another --host-name/ });
  const twin = new ClusterHost(2, h1.everybodys);
  twin.underlay = h1.underlay;
  await t.rejects(twin.start(), { code: 'conflict', message: /host h1 has the underlay address 192\.168\.7\.1, too/ });
  t.equal((await h1.everybodys.list('hosts/')).entries.length, 1, 'and nothing of it is written');
});
