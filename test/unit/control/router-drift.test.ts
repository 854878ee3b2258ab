import t from 'tap';
import { Router, type RouterTarget } from '../../../daemon/control/router.js';
import type { Kernel } from '../../../daemon/kernel/port.js';
import { portName } from '../../../src/fabric/names.js';
import { IpAddress } from '../../../src/model/address.js';
import { bed, ids, providersIn, target } from './router-bed.js';

const [a = '', b = ''] = ids;
/** Readings cost nothing, so nothing is too often. */
const routerOn = (kernel: Kernel): Router => new Router('blue', kernel, { now: () => 0, used: () => 0 });

t.test('a router that nobody changed is not read again, whatever was done to it', async (t) => {
  const { kernel, fabric, done, reads } = bed();
  const router = routerOn(kernel);
  t.equal(await router.look(), false, 'nothing is looked at before it is known');
  await router.reconcile(target([a]));
  await router.reconcile(target([a, b]));
  t.equal(await router.look(), false);
  [done.length, reads.length] = [0, 0];
  await router.reconcile(target([a, b]));
  t.strictSame([...done, ...reads], []);
  await fabric.disturb('blue', []);
  t.equal(await router.look(), true);
  await router.reconcile(target([a, b]));
  t.strictSame(reads, ['links'], 'only what may have been changed is read');
  t.equal(await router.look(), false);
});

t.test('of a router in which only links of endpoints changed only links are read', async (t) => {
  const { kernel, fabric, done, reads } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target([a, b]));
  await router.look();
  await router.reconcile(target([a, b]));
  [done.length, reads.length] = [0, 0];
  await fabric.disturb('blue', [{ action: 'setPort', link: { kind: 'port', name: portName(a), hairpin: false, mtu: 1500, up: true } }]);
  t.equal(await router.look(), true);
  t.match(await router.reconcile(target([a, b])), { drift: { link: 1 } });
  t.strictSame([...reads, ...done], ['ports', 'setPort'], 'and what was changed is repaired');
  await fabric.disturb('blue', [{ action: 'deleteLink', name: portName(b) }]);
  await fabric.disturb('blue', []);
  reads.length = 0;
  t.equal(await router.look(), true);
  await router.reconcile(target([a, b]));
  t.strictSame(reads, ['links'], 'what came besides is not forgotten');
});

t.test('rules that somebody changed are found by their number, read, counted and repaired', async (t) => {
  const { kernel, nftables, done, reads } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target(ids));
  [done.length, reads.length] = [0, 0];
  nftables.flush('blue');
  t.equal(await router.look(), true);
  t.match(await router.reconcile(target(ids)), { drift: { rule: 1 } });
  t.strictSame([...reads, ...done], ['rules', 'replace']);
  t.equal(await router.look(), false);
});

t.test('a change by somebody else at the same time as our own is found', async (t) => {
  const { kernel, nftables } = bed();
  const apply = kernel.nftables.apply.bind(kernel.nftables);
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  kernel.nftables.apply = async (tenant, change) => {
    await apply(tenant, change);
    nftables.flush(tenant);
  };
  await router.reconcile(target([a, b]));
  kernel.nftables.apply = apply;
  t.equal(await router.look(), true);
  await router.reconcile(target([a, b]));
  t.equal((await providersIn(nftables)).length, 2);
});

t.test('a transaction that failed changed nothing, so nothing is read, links are made, and all is read once it works', async (t) => {
  const { kernel, reads } = bed();
  const apply = kernel.nftables.apply.bind(kernel.nftables);
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  reads.length = 0;
  kernel.nftables.apply = () => Promise.reject(new Error('nft is broken'));
  await t.rejects(router.reconcile(target([a, b])), /nft is broken/);
  await t.rejects(router.reconcile(target([a, b])), /nft is broken/);
  t.notOk(reads.includes('rules'));
  t.ok(router.holdsLink(portName(b)), 'the rules that are there keep networks apart');
  t.equal(router.error, 'nft is broken');
  kernel.nftables.apply = apply;
  await router.reconcile(target([a, b]));
  t.equal(router.error, undefined);
  reads.length = 0;
  t.equal(await router.look(), true);
  await router.reconcile(target([a, b]));
  t.strictSame(reads, ['links', 'rules']);
});

t.test('a transaction that was carried out although nft failed is not repeated', async (t) => {
  const { kernel, nftables, done, reads } = bed();
  const apply = kernel.nftables.apply.bind(kernel.nftables);
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  kernel.nftables.apply = async (tenant, change) => {
    await apply(tenant, change);
    throw new Error('nft was killed');
  };
  await t.rejects(router.reconcile(target([a, b])), /nft was killed/);
  kernel.nftables.apply = apply;
  [done.length, reads.length] = [0, 0];
  await router.reconcile(target([a, b]));
  t.ok(reads.includes('rules'));
  t.notOk(done.includes('rules'));
  t.equal((await providersIn(nftables)).length, 2);
});

t.test('an nft that says it did what it did not is not believed', async (t) => {
  const { kernel, nftables } = bed();
  const apply = kernel.nftables.apply.bind(kernel.nftables);
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  kernel.nftables.apply = () => Promise.resolve();
  await t.rejects(router.reconcile(target([a, b])), /nft says that it changed the rules in the router of tenant blue, but/);
  t.match(router.error, /is the program nft in PATH the real one\?$/);
  kernel.nftables.apply = apply;
  await router.reconcile(target([a, b]));
  t.equal((await providersIn(nftables)).length, 2);
});

t.test('what was found by a pass that failed is told by the next one', async (t) => {
  const { kernel, nftables, fabric } = bed();
  const read = kernel.nftables.read.bind(kernel.nftables);
  const router = routerOn(kernel);
  await router.reconcile(target(ids));
  await router.look();
  await fabric.disturb('blue', [{ action: 'setMtu', name: portName(a), mtu: 1300 }]);
  nftables.flush('blue');
  t.equal(await router.look(), true);
  kernel.nftables.read = () => Promise.reject(new Error('nft is broken'));
  await t.rejects(router.reconcile(target(ids)), /nft is broken/);
  kernel.nftables.read = read;
  t.match(await router.reconcile(target(ids)), { drift: { link: 1 } });
  router.doubt();
  t.same((await router.reconcile(target(ids))).drift, {});
});

t.test('a router that was made anew has all again', async (t) => {
  const { kernel, nftables } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target(ids));
  await kernel.routers.remove('blue');
  t.equal(await router.look(), true);
  t.match(await router.reconcile(target(ids)), { drift: { namespace: 1, rule: 1 } });
  t.equal((await providersIn(nftables)).length, 3);
  t.ok(router.holdsLink(portName(a)));
});

t.test('providers come back into their places when the tables were lost', async (t) => {
  const { kernel, nftables } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target(ids));
  await router.reconcile(target(ids.slice(1)));
  const slots = async (): Promise<string> => JSON.stringify(await nftables.read('blue'), (_, value: unknown) => (value instanceof Map ? [...(value as Map<string, unknown>)] : value));
  const before = await slots();
  nftables.flush('blue');
  t.equal(await router.look(), true);
  await router.reconcile(target(ids.slice(1)));
  t.equal(await slots(), before);
});

t.test('a running container whose link was lost has it back as it was, and it is counted', async (t) => {
  const { kernel, sandboxes, fabric } = bed();
  sandboxes.end = { name: 'eth2', gateways: [], mtu: 1500 };
  const router = routerOn(kernel);
  await router.reconcile(target([a, b]));
  await router.reconcile(target([a, b], { joining: [], running: [a, b] }));
  t.equal(await router.learn(), false);
  await fabric.disturb('blue', [{ action: 'deleteLink', name: portName(a) }]);
  t.equal(await router.look(), true);
  t.match(await router.reconcile(target([a, b], { joining: [], running: [a, b] })), { drift: { link: 1 } });
  t.match(sandboxes.given.get(a), { name: 'eth2', gateways: [] });
  t.equal(sandboxes.given.size, 1);
  t.ok(router.holdsLink(portName(a)));
  t.equal(router.error, undefined);
});

t.test('the ends in containers get the MTU of their segment, also those that Docker moved in while it changed', async (t) => {
  const { kernel, sandboxes } = bed();
  const router = routerOn(kernel);
  const targetWith = (mtu: number): RouterTarget => {
    const one = target([a, b], { joining: [], running: [a, b] });
    return { ...one, fabric: { ...one.fabric, overlay: { local: IpAddress.parse('192.0.2.1'), port: 4789, mtu, remotes: [] } } };
  };
  const mtus = (): number[] => [...sandboxes.mtus.values()];
  await router.reconcile(target([a, b]));
  await router.reconcile(target([a, b], { joining: [], running: [a, b] }));
  await router.learn();
  t.same(mtus(), [], 'what is right is left alone');
  await router.reconcile(targetWith(1450));
  t.same(mtus(), [1450, 1450]);
  sandboxes.gone.add(a);
  await router.reconcile(targetWith(1350));
  t.same(mtus(), [1450, 1350], 'one that cannot be entered');
  sandboxes.gone.clear();
  await router.learn();
  t.same(mtus(), [1350, 1350], 'is tried again');
});

t.test('a link whose other end is not in its container is given, as after a crash in the middle', async (t) => {
  const { kernel, sandboxes } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  await router.reconcile(target([a], { joining: [], running: [a] }));
  const [mac = ''] = target([a]).fabric.endpoints.map((endpoint) => endpoint.mac.toString());
  sandboxes.lost.add(mac);
  t.equal(await router.learn(), true);
  await router.reconcile(target([a], { joining: [], running: [a] }));
  t.ok(sandboxes.given.has(a));
  t.equal(await router.learn(), false);
});

t.test('a link that cannot be given back is not made, that is told, and tried again when everything is doubted', async (t) => {
  const { kernel, sandboxes, fabric, done } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  sandboxes.gone.add(a);
  await fabric.disturb('blue', [{ action: 'deleteLink', name: portName(a) }]);
  await router.look();
  done.length = 0;
  await router.reconcile(target([a], { joining: [], running: [a] }));
  t.notOk(done.includes('createPort'));
  t.match(router.error, /^1 container has lost the link to the network: restart it \(the container's network namespace a+ is gone\)$/);
  sandboxes.gone.clear();
  await router.reconcile(target([a], { joining: [], running: [a] }));
  t.notOk(router.holdsLink(portName(a)), 'not at every pass');
  router.doubt();
  await router.reconcile(target([a], { joining: [], running: [a] }));
  t.ok(router.holdsLink(portName(a)));
  t.equal(router.error, undefined);
});

t.test('a link that fails on its way into the container is taken back', async (t) => {
  const { kernel, sandboxes, fabric } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  sandboxes.give = () => Promise.reject(new Error('there is no room'));
  await fabric.disturb('blue', [{ action: 'deleteLink', name: portName(a) }]);
  await router.look();
  await router.reconcile(target([a], { joining: [], running: [a] }));
  t.notOk((await fabric.read('blue')).links.has(portName(a)));
  t.match(router.error, /there is no room/);
});

t.test('to be sure, links are read now and then without a pass, and all of it more seldom', async (t) => {
  const { kernel, fabric, reads } = bed();
  const router = routerOn(kernel);
  await router.reconcile(target([a]));
  reads.length = 0;
  for (let verification = 1; verification <= 9; verification += 1) t.equal(await router.verify(), false);
  t.equal(reads.filter((what) => what === 'links').length, 9);
  t.notOk(reads.includes('rules'));
  t.equal(await router.verify(), true, 'the tenth is thorough');
  await router.reconcile(target([a]));
  t.ok(reads.includes('rules'));
  await fabric.apply('blue', [{ action: 'deleteLink', name: portName(a) }]);
  t.equal(await router.verify(), true, 'what nothing told of is found');
  t.match(await router.reconcile(target([a])), { drift: { link: 1 } });
});
