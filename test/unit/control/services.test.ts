import t, { type Test } from 'tap';
import { IpAddress } from '../../../src/model/address.js';
import type { ServiceRequest } from '../../../src/model/request.js';
import { parseSelectors } from '../../../src/selectors/parse.js';
import { parseWeights } from '../../../src/selectors/weights.js';
import { checkSubnet } from '../../../src/ipam/subnet.js';
import { encodeStored } from '../../../src/model/stored.js';
import { Bed, networkRequest, serviceRequest } from './bed.js';

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  return bed;
}

const ip = (text: string): IpAddress => IpAddress.parse(text);
const dual = { ...networkRequest('default', 'dual', '10.1.1.0/24', '10.1.1.254'), ipv6: checkSubnet(6, '2001:db8:1::/120', '2001:db8:1::ff') };
const web = (...ips: string[]): ServiceRequest => ({ ...serviceRequest('default', 'web', 'dual', 'app=a'), ips: ips.map(ip) });
const addressesOf = (bed: Bed): string[] => bed.control.service('default', 'web').service.addresses.map(String);
/** The service IPs that the kernel was told to balance, by service port. */
async function balanced(bed: Bed): Promise<string[]> {
  const state = await bed.kernel.nftables.read('default');
  return typeof state === 'string' ? [] : [...state.ip.ports.keys(), ...state.ip6.ports.keys()];
}

t.test('a service on a network of both families has an address of each, or those asked for', async (t) => {
  for (const [asked, held] of [
    [[], ['10.1.1.1', '2001:db8:1::1']],
    [['10.1.1.9'], ['10.1.1.9', '2001:db8:1::1']],
    [['2001:db8:1::9'], ['10.1.1.1', '2001:db8:1::9']],
    [['10.1.1.9', '2001:db8:1::9'], ['10.1.1.9', '2001:db8:1::9']],
  ] as const) {
    const bed = await started(t);
    await bed.control.createNetwork(dual);
    await bed.control.createService(web(...asked));
    t.same(addressesOf(bed), held, `asked for [${asked.join(' ')}]`);
    t.same(bed.control.service('default', 'web').service.requestedIps.map(String), asked, 'which is remembered');
    t.match(bed.control.network('default', 'dual'), { allocatedCount: 2 });
    await bed.control.deleteService('default', 'web');
    t.match(bed.control.network('default', 'dual'), { allocatedCount: 0 }, 'both are released');
  }
});

t.test('both addresses are claimed, or none', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(dual);
  await bed.control.createService(web('10.1.1.9', '2001:db8:1::9'));
  await t.rejects(bed.control.createService({ ...web('10.1.1.10', '2001:db8:1::9'), name: 'other' }), {
    code: 'conflict',
    message: 'address 2001:db8:1::9 of network dual is held by service web: choose another one',
  });
  t.match(bed.control.network('default', 'dual'), { allocatedCount: 2 });
});

t.test('a network of one family has none of the other to give', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n', '10.1.1.0/24'));
  const request = { ...web(), network: 'n' };
  await t.rejects(bed.control.createService({ ...request, ips: [ip('2001:db8:1::9')] }), { code: 'invalid', message: 'address 2001:db8:1::9 cannot be claimed: network n has no IPv6 subnet' });
  await bed.control.createService(request);
  t.same(addressesOf(bed), ['10.1.1.1']);
});

t.test('a service from when there was one address only keeps it, and gets the other one when it is changed', async (t) => {
  const bed = new Bed();
  await bed.start();
  await bed.control.createNetwork(dual);
  await bed.control.createService(web());
  await bed.stop();
  const { requestedIps: _, ...old } = { ...web(), drained: [], requestedIps: [], addresses: [ip('10.1.1.1')] };
  const second = (await bed.store.list('allocations/')).entries.find(({ key }) => key.endsWith('::1'))?.key ?? '';
  const { ips: __, ...stored } = old;
  await bed.store.transact({ conditions: [], operations: [{ key: 'services/default/web', put: encodeStored({ ...stored, requestedIps: [] }) }, { key: second, delete: true }] });
  await bed.start();
  t.teardown(() => bed.stop());
  t.same(addressesOf(bed), ['10.1.1.1'], 'it has one');
  t.same((await bed.control.updateService({ tenant: 'default', name: 'web', ips: [ip('2001:db8:1::7')] })).addresses.map(String), ['10.1.1.1', '2001:db8:1::7']);
  t.same(bed.control.service('default', 'web').service.requestedIps.map(String), ['2001:db8:1::7']);
  t.match(bed.control.network('default', 'dual'), { allocatedCount: 2 });
});

t.test('what is given changes, and nothing else', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(dual);
  const { service } = await bed.control.createService(web());
  const id = await bed.docker.run({ network: 'dual', labels: { app: 'a', version: '2' } });
  await bed.control.drainService('default', 'web', id);
  const name = { tenant: 'default', name: 'web' };
  const kept = { ...service, drained: [id] };
  t.same(await bed.control.updateService({ ...name, algorithm: 'random' }), { ...kept, algorithm: 'random' });
  const weights = parseWeights(['version=2:10']);
  t.same(await bed.control.updateService({ ...name, weights }), { ...kept, algorithm: 'random', weights });
  const selectors = parseSelectors(['version']);
  t.same(await bed.control.updateService({ ...name, selectors, weights: [] }), { ...kept, algorithm: 'random', selectors });
  t.same(await bed.control.updateService({ ...name, prefer: 'local' }), { ...kept, algorithm: 'random', selectors, prefer: 'local' });
  const before = (await bed.store.list('')).revision;
  await bed.control.updateService({ ...name, selectors, network: 'dual', ips: service.addresses });
  t.equal((await bed.store.list('')).revision, before, 'what is so already is not written');
  await bed.control.createService(web());
  t.same(bed.control.service('default', 'web').service, kept, 'creating again replaces all but who is drained');
});

t.test('what cannot change is refused with the reason', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(dual);
  await bed.control.createService(web());
  const name = { tenant: 'default', name: 'web' };
  await t.rejects(bed.control.updateService({ ...name, network: 'n' }), { code: 'conflict', message: /the network of a service cannot change; delete the service and create it on n$/ });
  for (const other of ['10.1.1.9', '2001:db8:1::9']) {
    await t.rejects(bed.control.updateService({ ...name, ips: [ip(other)] }), {
      code: 'conflict',
      message: `service web has the address 10.1.1.1, 2001:db8:1::1: the address of a service cannot change; delete the service and create it with ${other}`,
    });
  }
  await t.rejects(bed.control.updateService({ ...name, name: 'none' }), { code: 'not-found', message: 'service none not found in tenant default' });
});

t.test('a drained container gets nothing new until it is undrained, whatever restarts meanwhile', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(dual);
  await bed.control.createService(web());
  const id = await bed.docker.run({ network: 'dual', labels: { app: 'a' }, name: 'web1' });
  await bed.settle();
  t.ok((await balanced(bed)).includes('10.1.1.1 . tcp . 80'), 'it serves');
  t.match(await bed.control.drainService('default', 'web', id.slice(0, 12)), { changed: true, container: { name: 'web1' } });
  t.same(await balanced(bed), [], 'when the answer comes, it gets nothing new');
  t.match(await bed.control.drainService('default', 'web', 'web1'), { changed: false });
  await bed.stop();
  await bed.start();
  await bed.docker.stop(id);
  await bed.docker.start(id);
  await bed.settle();
  t.same(await balanced(bed), [], 'not even after restarts');
  t.match(bed.control.explainService('default', 'web').containers, [{ provider: false, reason: /^is drained by the user/ }]);
  t.match(await bed.control.undrainService('default', 'web', 'web1'), { changed: true });
  t.ok((await balanced(bed)).includes('10.1.1.1 . tcp . 80'), 'it serves again');
  t.match(await bed.control.undrainService('default', 'web', 'web1'), { changed: false });
});

t.test('only what the service selects can be drained', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(dual);
  await bed.control.createNetwork(networkRequest('default', 'n', '10.2.1.0/24'));
  await bed.control.createService(web());
  await bed.docker.run({ network: 'n', labels: { app: 'b' }, name: 'other' });
  await t.rejects(bed.control.drainService('default', 'web', 'other'), {
    code: 'conflict',
    message: 'container other cannot be drained, since service web does not select it: its label app is "b", not "a"',
  });
  await bed.control.createTenant({ name: 'blue' });
  await bed.control.createNetwork(networkRequest('blue', 'n', '10.2.1.0/24'));
  await bed.docker.run({ network: 'n/blue', labels: { app: 'a' }, name: 'stranger' });
  await t.rejects(bed.control.drainService('default', 'web', 'stranger'), { code: 'conflict', message: /it is not attached to a network of tenant default$/ });
  await t.rejects(bed.control.drainService('default', 'web', 'nobody'), { code: 'not-found' });
  await t.rejects(bed.control.undrainService('default', 'web', 'nobody'), { code: 'not-found' });
  await t.rejects(bed.control.drainService('default', 'none', 'other'), { code: 'not-found', message: /service none/ });
});

t.test('drained containers that Docker no longer has are forgotten, while Docker answers', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(dual);
  await bed.control.createService(web());
  const [gone, kept] = [await bed.docker.run({ network: 'dual', labels: { app: 'a' } }), await bed.docker.run({ network: 'dual', labels: { app: 'a' } })];
  for (const id of [gone, kept]) await bed.control.drainService('default', 'web', id);
  await bed.docker.remove(gone);
  bed.dockerGoes();
  await bed.control.collectGarbage();
  t.same(bed.control.service('default', 'web').service.drained, [gone, kept], 'nobody can say that it is gone');
  bed.dockerReturns();
  await bed.control.collectGarbage();
  t.same(bed.control.service('default', 'web').service.drained, [kept]);
});

t.test('a container that is gone can be undrained before it is forgotten', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(dual);
  await bed.control.createService(web());
  const id = await bed.docker.run({ network: 'dual', labels: { app: 'a' }, name: 'web1' });
  await bed.control.drainService('default', 'web', id);
  await bed.docker.remove(id);
  t.match(await bed.control.undrainService('default', 'web', id.slice(0, 12)), { changed: true, container: { id, name: '' } });
  t.same(bed.control.service('default', 'web').service.drained, []);
});
