import t from 'tap';
import { IpAddress } from '../../../src/model/address.js';
import type { Flow } from '../../../src/nat/input.js';
import { parseWeights } from '../../../src/selectors/weights.js';
import { networkRequest, serviceRequest, until } from './bed.js';
import { balancedOn, cluster, type ClusterHost } from './cluster.js';

const web = { ...serviceRequest('default', 'web', 'n1', 'app=a', '10.1.1.100'), prefer: 'local' as const };
const network = networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254');

async function twoHosts(t: Parameters<typeof cluster>[0]): Promise<[ClusterHost, ClusterHost]> {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(network);
  await until('Docker has the network everywhere', () => h2.docker.networks.size === 1);
  return [h1, h2];
}

async function expectBalanced(t: Parameters<typeof cluster>[0], host: ClusterHost, addresses: readonly string[], what: string): Promise<void> {
  await until(`${host.host}: ${what}`, async () => (await balancedOn(host)).join() === addresses.join());
  t.pass(`${host.host}: ${what}`);
}

const provider = (name: string, labels: Record<string, string> = {}) => ({ name, network: 'n1', labels: { app: 'a', ...labels } });
const reasonOf = ({ control }: ClusterHost, name: string): string | undefined => control.explainService('default', 'web').containers.find(({ container }) => container.name === name)?.reason;

t.test('each host balances over its own providers while there are any, over all otherwise', async (t) => {
  const [h1, h2] = await twoHosts(t);
  await h1.control.createService(web);
  const near = await h1.docker.run(provider('near'));
  await h2.docker.run(provider('far'));
  await h2.docker.run(provider('far2'));
  await expectBalanced(t, h1, ['10.1.1.1'], 'its own');
  await expectBalanced(t, h2, ['10.1.1.2', '10.1.1.3'], 'its own');
  await until('all of them are providers', () => h1.control.service('default', 'web').providers.length === 3);
  t.equal(reasonOf(h1, 'far'), 'labels match, running, on network n1; not for clients on h1, which has providers of its own');
  t.equal(reasonOf(h1, 'near'), 'labels match, running, on network n1');
  t.equal(reasonOf(h2, 'far'), 'labels match, running, on network n1');

  h1.docker.set(near, { stopping: true });
  await expectBalanced(t, h1, ['10.1.1.2', '10.1.1.3'], 'its last one is being stopped: all');
  t.equal(reasonOf(h1, 'far'), 'labels match, running, on network n1');
  h1.docker.set(near, { stopping: false });
  await expectBalanced(t, h1, ['10.1.1.1'], 'it is back');
  h1.docker.set(near, { health: 'unhealthy' });
  await expectBalanced(t, h1, ['10.1.1.2', '10.1.1.3'], 'it is not well');
  h1.docker.set(near, { health: 'healthy' });
  await expectBalanced(t, h1, ['10.1.1.1'], 'it is well again');
  await h2.control.drainService('default', 'web', 'near');
  await expectBalanced(t, h1, ['10.1.1.2', '10.1.1.3'], 'a user drains it');
  await h2.control.undrainService('default', 'web', 'near');
  await expectBalanced(t, h1, ['10.1.1.1'], 'and lets it serve again');
  await h2.vanish();
  await h1.docker.remove(near);
  await expectBalanced(t, h1, [], 'nobody is left');
});

t.test('open connections stay where they are', async (t) => {
  const [h1, h2] = await twoHosts(t);
  await h1.control.createService(web);
  const far = await h2.docker.run(provider('far'));
  await expectBalanced(t, h1, ['10.1.1.1'], 'the only one is elsewhere');
  const flows = ([['tcp', 80, 8080], ['udp', 53, 53]] as const).map(([protocol, port, target]): Flow => ({
    protocol,
    client: { address: IpAddress.parse('10.1.1.77'), port: 5000 },
    service: { address: IpAddress.parse('10.1.1.100'), port },
    provider: { address: IpAddress.parse('10.1.1.1'), port: target },
  }));
  for (const flow of flows) h1.conntrack.track('default', flow);
  const near = await h1.docker.run(provider('near'));
  await expectBalanced(t, h1, ['10.1.1.2'], 'there is one of its own now');
  await h1.settle();
  t.same(await h1.conntrack.list('default'), flows, 'what was begun with the other goes on');
  await h1.docker.remove(near);
  await expectBalanced(t, h1, ['10.1.1.1'], 'its own is gone');
  await h2.docker.remove(far);
  await until('what has nobody any more is forgotten', async () => (await h1.conntrack.list('default')).length === 0);
});

t.test('together with weights, by source, and changed while it runs', async (t) => {
  const [h1, h2] = await twoHosts(t);
  const weights = parseWeights(['version=2:25']);
  await h1.control.createService({ ...web, weights });
  for (const [host, version] of [[h1, '1'], [h1, '2'], [h2, '1'], [h2, '2']] as const) await host.docker.run(provider(`v${version}-${host.host}`, { version }));
  await expectBalanced(t, h1, ['10.1.1.1', '10.1.1.1', '10.1.1.1', '10.1.1.2'], 'a quarter among its own');
  await h2.control.updateService({ tenant: 'default', name: 'web', algorithm: 'source' });
  await until('by source', async () => (await balancedOn(h2)).length === 1000);
  t.same(new Set(await balancedOn(h2)), new Set(['10.1.1.3', '10.1.1.4']));
  await h2.control.updateService({ tenant: 'default', name: 'web', prefer: 'any', algorithm: 'roundrobin', weights: [] });
  const all = ['10.1.1.1', '10.1.1.2', '10.1.1.3', '10.1.1.4'];
  for (const host of [h1, h2]) await expectBalanced(t, host, all, 'all are alike');
  await h1.control.updateService({ tenant: 'default', name: 'web', prefer: 'local', weights: parseWeights(['version=1:100']) });
  await expectBalanced(t, h1, ['10.1.1.1'], 'of its own, those that are wanted');
});
