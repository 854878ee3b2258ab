import t from 'tap';
import { DeletionMarks } from '../../../daemon/control/deletion-marks.js';
import { NetworkRemoval } from '../../../daemon/control/network-removal.js';
import { State } from '../../../daemon/control/state.js';
import { Waiting } from '../../../daemon/control/waiting.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import { encodeStored } from '../../../src/model/stored.js';
import { keys } from '../../../src/model/keys.js';
import { inUse } from '../../../src/model/errors.js';
import { cluster, type ClusterHost } from './cluster.js';
import { networkRequest, serviceRequest, until } from './bed.js';

// What is deleted on one host of several.

const network = networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254');

const dockerNetworks = ({ docker }: ClusterHost): string[] => [...docker.networks.values()].map(({ name }) => name).toSorted();
const stored = async ({ everybodys }: ClusterHost, prefix: string): Promise<string[]> => (await everybodys.list(prefix)).entries.map(({ key }) => key);
const markOf = ({ control }: ClusterHost): unknown => control.network('default', 'n1').network.deleting;

/** Two hosts with a network that both have in Docker, as soon as its creation is answered. */
async function pair(t: Parameters<typeof cluster>[0]): Promise<[ClusterHost, ClusterHost]> {
  const [h1, h2] = await cluster(t, 2);
  if (!h2) throw new Error('there are two hosts');
  await h1.control.createNetwork(network);
  if ((await stored(h1, keys.bindings)).length !== 2) throw new Error('it was answered too early');
  return [h1, h2];
}

async function nothingLeft(hosts: readonly ClusterHost[]): Promise<void> {
  const [first] = hosts;
  if (!first) throw new Error('there are hosts');
  for (const prefix of [keys.networks, keys.bindings, keys.vnis, keys.allocations, keys.leftovers]) {
    await until(`nothing below ${prefix}`, async () => (await stored(first, prefix)).length === 0);
  }
  for (const host of hosts) await until(`${host.host} has none in Docker`, () => host.docker.networks.size === 0);
}

/** The next removal of a Docker network on the host waits until it is let go, or is refused. */
function holdRemoval(host: ClusterHost): { readonly asked: Promise<void>; go(error?: Error): void } {
  const remove = host.docker.removeNetwork.bind(host.docker);
  let asked = (): void => undefined;
  let go: (error?: Error) => void = () => undefined;
  const answer = new Promise<Error | undefined>((resolve) => (go = resolve));
  const reached = new Promise<void>((resolve) => (asked = resolve));
  host.docker.removeNetwork = async (id) => {
    host.docker.removeNetwork = remove;
    asked();
    const error = await answer;
    if (error) throw error;
    await remove(id);
  };
  return { asked: reached, go };
}

t.test('netctl net rm removes the Docker networks of all hosts before it answers', async (t) => {
  const [h1, h2] = await pair(t);
  const removal = holdRemoval(h2);
  let over = false;
  const deletion = h1.control.deleteNetwork('default', 'n1').finally(() => (over = true));
  await removal.asked;
  t.same(markOf(h2), { host: 'h1' }, 'h2 knows who deletes it');
  await t.rejects(h2.control.createService(serviceRequest('default', 'web', 'n1', 'app=a')), { code: 'conflict', message: /just being deleted/ });
  const asked = performance.now();
  await t.rejects(h2.control.deleteNetwork('default', 'n1'), { code: 'conflict' }, 'nobody else deletes it meanwhile');
  t.ok(performance.now() - asked < 3000, 'and is told so at once');
  t.equal(over, false);
  removal.go();
  await deletion;
  t.equal(h2.docker.networks.size, 0);
  await nothingLeft([h1, h2]);
});

t.test('a host that cannot remove its own says so, and the network stays everywhere', async (t) => {
  const [h1, h2] = await pair(t);
  const removal = holdRemoval(h2);
  const deletion = h1.control.deleteNetwork('default', 'n1');
  await removal.asked;
  await until('on h1 it is gone already', () => h1.docker.networks.size === 0);
  removal.go(inUse('Docker would not'));
  await t.rejects(deletion, { code: 'in-use', message: 'network n1 cannot be deleted: host h2 cannot remove its Docker network, as Docker would not' });
  await until('both have it again', async () => h1.docker.networks.size === 1 && h2.docker.networks.size === 1 && (await stored(h1, keys.bindings)).length === 2);
  t.equal(markOf(h1), undefined);
  for (const host of [h1, h2]) await t.resolves(host.docker.run({ network: 'n1' }), `${host.host} uses it`);
});

t.test('a network with a container on another host is not deleted, and that host is named', async (t) => {
  const [h1, h2] = await pair(t);
  await h2.docker.run({ network: 'n1' });
  await until('h1 knows of it', () => h1.control.listEndpoints().length === 1);
  await t.rejects(h1.control.deleteNetwork('default', 'n1'), { code: 'in-use', message: 'network n1 cannot be deleted: 1 endpoint (10.1.1.1 on host h2) is attached to it; stop or disconnect its container first' });
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.listEvents().some(({ reason }) => reason === 'HostAway'));
  await t.rejects(h1.control.deleteNetwork('default', 'n1'), { code: 'in-use', message: /\(10\.1\.1\.1 on host h2\) .* first; 1 host \(h2\) is away: start it again, or remove it with "netctl host rm"$/ });
  t.same(dockerNetworks(h1), ['n1']);
});

t.test('a host that was away removes what was deleted meanwhile, and does not take a new network for it', async (t) => {
  const [h1, h2] = await pair(t);
  const [old] = h2.docker.networks.keys();
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.listEvents().some(({ reason }) => reason === 'HostAway'));
  await h1.control.deleteNetwork('default', 'n1');
  t.same(await stored(h1, keys.leftovers), [keys.leftover('h2', old ?? '')]);
  t.same(await stored(h1, keys.bindings), []);
  await h1.control.createNetwork(networkRequest('default', 'n1', '10.2.2.0/24', '10.2.2.254'));
  await h2.connection.mend();
  await until('h2 has another one', () => h2.docker.networks.size === 1 && !h2.docker.networks.has(old ?? ''));
  await until('which is bound', async () => (await stored(h1, keys.bindings)).length === 2);
  t.equal(h2.docker.addressOf(await h2.docker.run({ network: 'n1' })), '10.2.2.1');
  await until('nothing is left of the old one', async () => (await stored(h1, keys.leftovers)).length === 0);
});

t.test('what is left of a deleted network is not taken for a new one, although Docker does not let go of it at once', async (t) => {
  const [h1, h2] = await pair(t);
  const [old] = h2.docker.networks.keys();
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.listEvents().some(({ reason }) => reason === 'HostAway'));
  await h1.control.deleteNetwork('default', 'n1');
  await h1.control.createNetwork(networkRequest('default', 'n1', '10.2.2.0/24', '10.2.2.254'));
  const removal = holdRemoval(h2);
  removal.go(inUse('Docker would not'));
  await h2.connection.mend();
  await until('both are bound', async () => (await stored(h1, keys.bindings)).length === 2);
  t.notOk((await stored(h1, keys.bindings)).includes(keys.binding('h2', old ?? '')));
  t.notOk(h2.docker.networks.has(old ?? ''));
});

t.test('what is left of networks on a host that was removed is forgotten', async (t) => {
  const [h1, h2] = await pair(t);
  await h2.vanish();
  await until('h1 knows that h2 is away', () => h1.control.listEvents().some(({ reason }) => reason === 'HostAway'));
  await h1.control.deleteNetwork('default', 'n1');
  await h1.control.collectGarbage();
  t.equal((await stored(h1, keys.leftovers)).length, 1, 'not while it may come back');
  await h1.everybodys.transact({ conditions: [], operations: [{ key: keys.host('h2'), delete: true }] });
  await h1.control.collectGarbage();
  t.same(await stored(h1, keys.leftovers), []);
});

t.test('docker network rm on one host takes an unused network away from all of them', async (t) => {
  const [h1, h2] = await pair(t);
  const [id] = h2.docker.networks.keys();
  await h2.docker.removeNetwork(id ?? '');
  await nothingLeft([h1, h2]);
});

t.test('docker network rm of a network that is used on another host only takes it away for a moment', async (t) => {
  const [h1, h2] = await pair(t);
  await h1.docker.run({ network: 'n1' });
  const [id] = h2.docker.networks.keys();
  await until('h2 knows of the container', () => h2.control.listEndpoints().length === 1);
  await h2.docker.removeNetwork(id ?? '');
  await until('h2 has it again', () => h2.docker.networks.size === 1 && !h2.docker.networks.has(id ?? ''));
  await until('bound', async () => (await stored(h1, keys.bindings)).length === 2);
  t.equal(markOf(h1), undefined);
});

t.test('docker network rm that another host cannot follow is made good', async (t) => {
  const [h1, h2] = await pair(t);
  const removal = holdRemoval(h1);
  removal.go(inUse('Docker would not'));
  const [id] = h2.docker.networks.keys();
  await h2.docker.removeNetwork(id ?? '');
  await until('h2 has it again', () => h2.docker.networks.size === 1 && !h2.docker.networks.has(id ?? ''));
  await until('nobody deletes it', () => markOf(h1) === undefined && markOf(h2) === undefined);
  t.equal(h1.docker.networks.size, 1);
});

t.test('a host that starts takes back its own deletions, and leaves those of others alone', async (t) => {
  const [h1, h2] = await pair(t);
  await h1.control.createTenant({ name: 'blue' });
  const removal = holdRemoval(h1);
  void h1.control.deleteNetwork('default', 'n1').catch(() => undefined);
  await removal.asked;
  await h2.stop();
  await h2.start();
  await Promise.all([h1.control.collectGarbage(), h2.control.collectGarbage()]);
  t.same(markOf(h2), { host: 'h1' }, 'h1 is at work on it');
  h1.crash();
  await h1.start();
  t.equal(markOf(h1), undefined, 'the one that began it takes it back');
  await until('h2 has it again', () => h2.docker.networks.size === 1 && markOf(h2) === undefined);
});

t.test('deletions of a host that is away are taken back by any other, and it does not go on with them', async (t) => {
  const [h1, h2] = await pair(t);
  const removal = holdRemoval(h1);
  const deletion = h1.control.deleteNetwork('default', 'n1');
  await removal.asked;
  await h1.vanish();
  await until('h2 knows', () => h2.control.listEvents().some(({ reason }) => reason === 'HostAway'));
  await h2.control.collectGarbage();
  t.equal(markOf(h2), undefined);
  await until('h2 has it in Docker', () => h2.docker.networks.size === 1);
  await h1.connection.mend();
  removal.go();
  await t.rejects(deletion, { code: 'conflict', message: /network n1 was not deleted: the other hosts did not hear of this one for a while/ });
  await until('h1 has it, too', async () => h1.docker.networks.size === 1 && (await stored(h1, keys.bindings)).length === 2);
});

t.test('marks of before there were hosts, and of hosts that are no more, are taken back', async (t) => {
  const [h1, h2] = await pair(t);
  const mark = async (key: string, deleting: true | { host: string }): Promise<void> => {
    const entry = await h1.everybodys.get(key);
    await h1.everybodys.transact({ conditions: [], operations: [{ key, put: { ...(entry?.value as object), deleting } }] });
  };
  await h1.control.createTenant({ name: 'blue' });
  for (const deleting of [true, { host: 'h9' }] as const) {
    for (const key of [keys.tenant('blue'), keys.network('default', 'n1')]) await mark(key, deleting);
    await Promise.all([h1.control.collectGarbage(), h2.control.collectGarbage()]);
    t.equal(markOf(h1), undefined);
    t.equal(h2.control.tenant('blue').tenant.deleting, undefined);
  }
});

t.test('a host from which nothing comes holds a deletion up for a while only', async (t) => {
  const store = new MemoryStore();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const state = new State(store, log);
  await state.load();
  const [host, hosts, waiting] = ['h1', { areShared: true, isPresent: () => true }, new Waiting()];
  const marks = new DeletionMarks({ store, state, hosts, host, log });
  let doubts = 0;
  const removal = new NetworkRemoval({ store, state, marks, hosts, waiting, host, patienceMs: 1, doubtDocker: () => void doubts++ });
  const binding = { host: 'h2', dockerNetworkId: 'd'.repeat(64), tenant: 'default', network: 'n1' };
  const entries = [
    { key: keys.tenant('default'), put: encodeStored({ name: 'default' }) },
    { key: keys.network('default', 'n1'), put: encodeStored({ ...network, vni: 1 }) },
    { key: keys.binding('h2', binding.dockerNetworkId), put: encodeStored(binding) },
  ];
  await store.transact({ conditions: [], operations: entries });
  await t.rejects(removal.retire('default', 'n1', () => Promise.resolve()), {
    code: 'unavailable',
    message: 'network n1 cannot be deleted: after 0.001 s its Docker network is still on 1 host (h2); see whether Docker answers there, and try again',
  });
  t.same(state.requireNetwork('default', 'n1').value.deleting, undefined, 'it stays');
  t.equal(doubts, 1);
});

t.test('what another host is deleting is not bound any more, and nobody is created in it', async (t) => {
  const [h1, h2] = await pair(t);
  await h1.control.createTenant({ name: 'blue' });
  for (const key of [keys.tenant('blue'), keys.network('default', 'n1')]) {
    const entry = await h1.everybodys.get(key);
    await h1.everybodys.transact({ conditions: [], operations: [{ key, put: { ...(entry?.value as object), deleting: { host: 'h1' } } }] });
  }
  await t.rejects(h2.control.pluginEndpoints.createNetwork({ networkId: 'd'.repeat(64), tenant: 'default', network: 'n1' }), { code: 'conflict', message: 'network n1 is just being deleted' });
  await t.rejects(h2.control.createNetwork(networkRequest('blue', 'n2', '10.2.2.0/24')), { code: 'conflict', message: 'tenant blue is just being deleted' });
  await t.rejects(h2.control.deleteTenant('blue'), { code: 'conflict', message: 'tenant blue is just being deleted on host h1; try again in a moment' });
});

t.test('two hosts that delete the same tenant at once', async (t) => {
  const [h1, h2] = await pair(t);
  await h1.control.createTenant({ name: 'blue' });
  const results = await Promise.allSettled([h1, h2].map((host) => host.control.deleteTenant('blue')));
  t.ok(results.some(({ status }) => status === 'fulfilled'));
  for (const result of results) if (result.status === 'rejected') t.match(result.reason, { code: /conflict|not-found/ });
  t.throws(() => h2.control.tenant('blue'), { code: 'not-found' });
});

t.test('a tenant is not deleted when another host took the deletion back meanwhile', async (t) => {
  const [h1, h2] = await pair(t);
  await h1.control.createTenant({ name: 'blue' });
  const { connection } = h1;
  const carryOut = connection.transact.bind(connection);
  connection.transact = async (transaction) => {
    const outcome = await carryOut(transaction);
    if (!JSON.stringify(transaction.operations).includes('"deleting"')) return outcome;
    connection.transact = carryOut;
    await h1.everybodys.transact({ conditions: [], operations: [{ key: keys.tenant('blue'), put: encodeStored({ name: 'blue' }) }] });
    return outcome;
  };
  await t.rejects(h1.control.deleteTenant('blue'), { code: 'conflict', message: /^tenant blue was not deleted: the other hosts did not hear of this one for a while/ });
  await t.resolves(h2.control.createNetwork(networkRequest('blue', 'n2', '10.2.2.0/24')));
});
