import t, { type Test } from 'tap';
import type { FabricState } from '../../../src/fabric/state.js';
import { unavailable } from '../../../src/model/errors.js';
import { keys } from '../../../src/model/keys.js';
import type { NetworkRequest } from '../../../src/model/request.js';
import { decodeStored } from '../../../src/model/stored.js';
import type { Host } from '../../../src/model/host.js';
import { networkRequest, serviceRequest, until } from './bed.js';
import { balancedOn, cluster, type ClusterHost } from './cluster.js';

const secret: NetworkRequest = { ...networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254'), encrypted: true };
const web = serviceRequest('default', 'web', 'n1', 'app=a', '10.1.1.100');

async function pair(t: Test): Promise<[ClusterHost, ClusterHost]> {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  return [h1, h2];
}

const entryOf = async ({ everybodys, host }: ClusterHost): Promise<Host> => decodeStored.host((await everybodys.get(keys.host(host)))?.value);
const keysOf = async (host: ClusterHost): Promise<string[]> => ((await entryOf(host)).tunnels ?? []).map(({ publicKey }) => publicKey);
const devicesOf = async (host: ClusterHost): Promise<string[]> => [...(await host.tunnels.read()).devices.keys()];
const stateOf = (host: ClusterHost, name: string): string => {
  const { state, reason } = host.control.host(name);
  return reason === undefined ? state : `${state}: ${reason}`;
};
const fabricOf = (host: ClusterHost): Promise<FabricState> => host.kernel.fabric.read('default');
const waysOf = async (host: ClusterHost): Promise<string[]> => [...(await fabricOf(host)).fdb.values()].flatMap((entry) => (entry.kind === 'unicast' ? [entry.destination?.toString() ?? ''] : []));

t.test('tunnels are there as long as a network is encrypted', async (t) => {
  const [h1, h2] = await pair(t);
  await h1.control.createNetwork(networkRequest('default', 'clear', '10.2.2.0/24', '10.2.2.254'));
  t.same((await h1.control.examine()).filter(({ check }) => check === 'encryption'), []);
  t.same([await devicesOf(h1), await keysOf(h1)], [[], []], 'without one there is no need');
  await h1.control.createNetwork(secret);
  await until('both have a key', async () => (await keysOf(h1)).length === 1 && (await keysOf(h2)).length === 1);
  await until('both are ready', () => stateOf(h1, 'h2') === 'ready' && stateOf(h2, 'h1') === 'ready');
  const { routes, devices } = await h1.tunnels.read();
  t.same([...routes.keys()], ((await entryOf(h2)).tunnels ?? []).map(({ address }) => address.toString()));
  t.match(devices.get('netctl-wg0'), { mtu: 1440, port: 51820 });
  t.match([...(await fabricOf(h1)).links.values()].filter(({ kind }) => kind === 'vxlan').map((link) => JSON.parse(JSON.stringify(link)) as unknown), [
    { name: 'vx1', local: '192.168.7.1', port: 4789, mtu: 1450 },
    { name: 'vx2', local: '::', port: 4790, mtu: 1370 },
  ]);
  await h1.control.deleteNetwork('default', 'n1');
  await until('they are gone', async () => (await devicesOf(h1)).length + (await devicesOf(h2)).length === 0);
  await until('their keys, too', async () => [...(await keysOf(h1)), ...(await keysOf(h2)), ...(await h1.tunnels.keys())].length === 0);
});

t.test('who cannot be reached by a tunnel is no provider of an encrypted network', async (t) => {
  const [h1, h2] = await pair(t);
  h2.tunnels.hears = () => false;
  h1.tunnels.hears = () => false;
  await h1.control.createNetwork(secret);
  await until('Docker has the network everywhere', () => h2.docker.networks.size === 1);
  await h1.control.createService(web);
  await h1.docker.run({ name: 'near', network: 'n1', labels: { app: 'a' } });
  await h2.docker.run({ name: 'far', network: 'n1', labels: { app: 'a' } });
  await until('both have a key', async () => (await keysOf(h1)).length === 1 && (await keysOf(h2)).length === 1);
  await until('h1 has heard of both', () => h1.control.listEndpoints().length === 2 && stateOf(h1, 'h2') === 'not ready: it has no encrypted connection with this host');
  const far = (): unknown => h1.control.explainService('default', 'web').containers.find(({ container }) => container.name === 'far');
  await until('it is known why', () => /no encrypted/.test(JSON.stringify(far())));
  t.match(far(), { provider: false, reason: 'its host h2 is not ready: it has no encrypted connection with this host' });
  t.same(await balancedOn(h1), ['10.1.1.1']);
  h1.tunnels.hears = () => true;
  await until('both are balanced over', async () => (await balancedOn(h1)).length === 2);
  t.equal(stateOf(h1, 'h2'), 'ready');
  t.match(stateOf(h2, 'h1'), /no encrypted connection/, 'each host says what it sees');
  const [tunnel] = (await entryOf(h2)).tunnels ?? [];
  t.same(await waysOf(h1), [tunnel?.address.toString()], 'packets to it take the tunnel');
});

t.test('a host that can have no tunnels says so, and the others do', async (t) => {
  const [h1, h2] = await pair(t);
  h2.tunnels.failure = unavailable('networks cannot be encrypted on this host: the program wireguard-go is not installed');
  await h1.control.createNetwork(secret);
  await until('it says so', () => stateOf(h2, 'h2').startsWith('not ready: networks cannot be encrypted on this host'));
  await until('the others do', () => stateOf(h1, 'h2') === 'not ready: it has no key for encrypted connections');
  t.same(await keysOf(h2), [], 'nobody sends to what is not there');
  const found = async (host: ClusterHost): Promise<unknown> => (await host.control.examine()).filter(({ check }) => check === 'encryption');
  t.match(await found(h2), [{ status: 'failed', message: /wireguard-go is not installed/ }]);
  t.match(await found(h1), [{ status: 'failed', message: 'host h2 is not reached: it has no key for encrypted connections' }]);
  h2.tunnels.failure = undefined;
  await until('it is ready when it can', () => stateOf(h1, 'h2') === 'ready' && stateOf(h2, 'h2') === 'ready');
});

t.test('a network is encrypted if the host does so by default, unless somebody says otherwise', async (t) => {
  const [h1] = await cluster(t, 1);
  await h1.stop();
  h1.encryptByDefault = true;
  await h1.start();
  const create = async (name: string, more: Partial<NetworkRequest>): Promise<boolean> => (await h1.control.createNetwork({ ...networkRequest('default', name, `10.${name}.1.0/24`), ...more })).network.encrypted === true;
  t.equal(await create('1', {}), true);
  t.equal(await create('2', { encrypted: false }), false);
  t.equal(await create('1', {}), true, 'again');
  t.equal(await create('1', { encrypted: true }), true);
  await t.rejects(create('1', { encrypted: false }), { code: 'conflict', message: /exists with another answer to whether it is encrypted/ });
  await t.rejects(create('2', { encrypted: true }), { code: 'conflict' });
  t.equal(await create('2', {}), false, 'who does not say asks for nothing else');
});

t.test('the rules without which packets would leave in clear are there before anything leads to other hosts', async (t) => {
  const [h1, h2] = await pair(t);
  await h1.control.createNetwork(secret);
  await until('both are ready', () => stateOf(h1, 'h2') === 'ready' && stateOf(h2, 'h1') === 'ready');
  await h1.stop();
  await h1.kernel.host.apply([{ action: 'deleteRules' }]);
  let began = 0;
  const { routers } = h1;
  const list = routers.list.bind(routers);
  routers.list = async () => {
    began += 1;
    t.match((await h1.kernel.host.read()).rules, /chain encrypted_out/, 'the rules are there when routers are begun with');
    return list();
  };
  await h1.start();
  t.equal(began, 1);
});

t.test('a host changes its key, and the others follow', async (t) => {
  const [h1, h2] = await pair(t);
  await t.rejects(h1.control.rekey(), { code: 'conflict', message: /no network is encrypted/ });
  await h1.control.createNetwork(secret);
  await until('both are ready', () => stateOf(h1, 'h2') === 'ready' && stateOf(h2, 'h1') === 'ready');
  const [old] = await keysOf(h1);
  h1.tunnels.hears = () => false;
  await h1.control.rekey();
  await until('the new one is told of', async () => (await keysOf(h1)).length === 2);
  t.equal((await keysOf(h1))[0], old, 'as long as nobody can send to it, the old one is used');
  await t.rejects(h1.control.rekey(), { code: 'conflict', message: /just being changed/ });
  h1.tunnels.hears = () => true;
  await until('it is used', async () => (await keysOf(h1))[0] !== old);
  t.same((await keysOf(h1)).length, 2, 'and the old one still understood');
  await until('h2 follows', async () => (await h2.tunnels.read()).routes.size === 2);
  t.equal(stateOf(h2, 'h1'), 'ready');
  await h1.stop();
  await h1.start();
  t.equal((await keysOf(h1)).length, 2, 'a restart in between changes nothing');
  t.equal(stateOf(h1, 'h2'), 'ready', 'nor for the others, also before it has looked');
  await until('the old one goes', async () => {
    h1.now += 1000;
    return (await keysOf(h1)).length === 1;
  });
  await until('with its device', async () => (await devicesOf(h1)).join() === 'netctl-wg1');
  t.same((await h1.tunnels.keys()).map(({ publicKey }) => publicKey), await keysOf(h1), 'and its private part');
});
