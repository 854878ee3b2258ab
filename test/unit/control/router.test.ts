import t from 'tap';
import { Router } from '../../../daemon/control/router.js';
import { portName } from '../../../src/fabric/names.js';
import { addressOf, bed, ids, providersIn, target } from './router-bed.js';

t.test('rules are there before the first link, and forget a provider before its link goes', async (t) => {
  const { kernel, done } = bed();
  const router = new Router('blue', kernel);
  await router.reconcile(target(ids));
  t.equal(done[0], 'replace');
  done.length = 0;
  await router.reconcile(target(ids.slice(0, 2)));
  t.strictSame(done, ['rules', 'deleteNeighbour', 'deleteLink']);
});

t.test('a pass over what is as it must be changes nothing', async (t) => {
  const { kernel, done } = bed();
  const router = new Router('blue', kernel);
  await router.reconcile(target(ids));
  done.length = 0;
  t.strictSame(await router.reconcile(target(ids)), { steps: 0, operations: 0, flows: 0, drift: {}, uplinked: false });
  t.strictSame(done, []);
});

t.test('a link that cannot be made holds up neither the rules nor the other links', async (t) => {
  const { kernel, nftables, refuse } = bed();
  const [a = '', b = '', c = ''] = ids;
  const router = new Router('blue', kernel);
  await router.reconcile(target([a]));
  refuse.add(portName(b));
  await t.rejects(router.reconcile(target([b, c])), /is refused/);
  t.strictSame(await providersIn(nftables), [addressOf(b), addressOf(c)].map(String), 'the rules have forgotten who left');
  t.notOk(router.holdsLink(portName(b)));
  t.ok(router.holdsLink(portName(c)), 'the other link is there');
  t.match(router.error, /is refused/);
  refuse.clear();
  await router.reconcile(target([b, c]));
  t.ok(router.holdsLink(portName(b)));
  t.equal(router.error, undefined);
});

t.test('without rules no link comes up', async (t) => {
  const { kernel, done } = bed();
  kernel.nftables.replace = () => Promise.reject(new Error('nft is broken'));
  const router = new Router('blue', kernel);
  await t.rejects(router.reconcile(target(ids)), /nft is broken/);
  t.strictSame(done, []);
  t.equal(router.error, 'nft is broken');
});

t.test('rules that are there stay until Docker has told who the providers are', async (t) => {
  const { kernel, nftables, done } = bed();
  await new Router('blue', kernel).reconcile(target(ids));
  done.length = 0;
  const restarted = new Router('blue', kernel);
  await restarted.reconcile({ ...target([], { dockerKnown: false }), fabric: target(ids).fabric });
  t.strictSame(done, []);
  t.equal((await providersIn(nftables)).length, 3);
});

t.test('rules of another version stay, too, and are replaced once the providers are known', async (t) => {
  const { kernel, done } = bed();
  const read = kernel.nftables.read.bind(kernel.nftables);
  await new Router('blue', kernel).reconcile(target(ids));
  kernel.nftables.read = () => Promise.resolve('foreign');
  const restarted = new Router('blue', kernel);
  done.length = 0;
  await restarted.reconcile(target(ids, { dockerKnown: false }));
  t.strictSame(done, []);
  kernel.nftables.read = read;
  await restarted.reconcile(target(ids));
  t.strictSame(done, ['replace']);
});

t.test('where there are no rules the constant ones come at once', async (t) => {
  const { kernel, nftables } = bed();
  await new Router('blue', kernel).reconcile(target([], { dockerKnown: false }));
  t.strictSame(await providersIn(nftables), []);
});

t.test('a link is made when Docker waits for it, not later: that is told instead', async (t) => {
  const { kernel } = bed();
  const [a = '', b = ''] = ids;
  const router = new Router('blue', kernel);
  await router.reconcile(target([a, b]));
  await kernel.fabric.apply('blue', [{ action: 'deleteLink', name: portName(a) }]);
  router.doubt();
  const { drift } = await router.reconcile(target([a, b], { joining: [] }));
  t.strictSame(drift, { link: 1 });
  t.notOk(router.holdsLink(portName(a)));
  t.ok(router.holdsLink(portName(b)));
  t.match(router.error, /^1 container has lost the link/);
});

t.test('what somebody else changed is found on doubt, counted and repaired', async (t) => {
  const { kernel, nftables } = bed();
  const router = new Router('blue', kernel);
  await router.reconcile(target(ids));
  nftables.flush('blue');
  t.strictSame(await router.reconcile(target(ids)), { steps: 0, operations: 0, flows: 0, drift: {}, uplinked: false }, 'not looked at without doubt');
  router.doubt();
  t.match(await router.reconcile(target(ids)), { drift: { rule: 1 }, operations: 1 });
  t.equal((await providersIn(nftables)).length, 3);
});
