import t from 'tap';
import { Router, type RouterTarget } from '../../../daemon/control/router.js';
import type { Kernel } from '../../../daemon/kernel/port.js';
import type { FakeConntrack } from '../../../daemon/kernel/conntrack-fake.js';
import type { FakeRouters } from '../../../daemon/kernel/routers-fake.js';
import { bridgeName } from '../../../src/fabric/names.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { addressOf, bed, ids, target } from './router-bed.js';

// Bridge netfilter of the networks of one router. Who needs it is told in the target; here is when it comes and that it stays.

const [a = ''] = ids;
const bridge = bridgeName(1);
/** Readings cost nothing, so nothing is too often. */
const routerOn = (kernel: Kernel): Router => new Router('blue', kernel, { now: () => 0, used: () => 0 });

/** As {@link target}, with netfilter if there is a provider, and a second network where there never is one. */
function targetOf(endpoints: readonly string[]): RouterTarget {
  const { fabric, ...rest } = target([a]);
  const networks = [{ vni: 1, subnets: [{ prefix: Prefix.parse('10.1.1.0/24') }], ...(endpoints.length > 0 ? { netfilter: true as const } : {}) }, { vni: 2, subnets: [{ prefix: Prefix.parse('10.2.0.0/24') }] }];
  return { ...rest, nat: target(endpoints).nat, fabric: { ...fabric, networks } };
}

async function bridges(kernel: Kernel): Promise<Record<string, boolean>> {
  const { links } = await kernel.fabric.read('blue');
  return Object.fromEntries([...links.values()].flatMap((link) => (link.kind === 'bridge' ? [[link.name, link.netfilter]] : [])));
}

t.test('a bridge has it before the rules lead to its first provider, and keeps it', async (t) => {
  const { kernel, done } = bed();
  const router = routerOn(kernel);
  await router.reconcile(targetOf([]));
  t.same(await bridges(kernel), { br1: false, br2: false });
  done.length = 0;
  const { steps, drift } = await router.reconcile(targetOf([a]));
  t.same({ steps, drift }, { steps: 1, drift: {} });
  t.same(done, ['setNetfilter', 'rules']);
  t.same(await bridges(kernel), { br1: true, br2: false });
  done.length = 0;
  await router.reconcile(targetOf([]));
  t.same(done, ['rules']);
  t.same(await bridges(kernel), { br1: true, br2: false }, 'connections may be open');
  router.doubt();
  t.same(await router.reconcile(targetOf([])), { steps: 0, operations: 0, flows: 0, drift: {}, uplinked: false }, 'a reading changes nothing');
});

t.test('a bridge that is made for a provider is made with it', async (t) => {
  const { kernel, done } = bed();
  await routerOn(kernel).reconcile(targetOf([a]));
  t.notOk(done.includes('setNetfilter'));
  t.same(await bridges(kernel), { br1: true, br2: false });
});

t.test('it is given back to who lost it, whether there are still providers or not', async (t) => {
  for (const endpoints of [[a], []]) {
    const { kernel, fabric } = bed();
    const router = routerOn(kernel);
    await router.reconcile(targetOf([a]));
    await router.reconcile(targetOf(endpoints));
    await router.look();
    await fabric.disturb('blue', [{ action: 'setNetfilter', name: bridge, netfilter: false }]);
    t.equal(await router.look(), true);
    t.match(await router.reconcile(targetOf(endpoints)), { drift: { link: 1 } });
    t.same(await bridges(kernel), { br1: true, br2: false });
    await fabric.disturb('blue', [{ action: 'deleteLink', name: bridge }]);
    await router.look();
    await router.reconcile(targetOf(endpoints));
    t.same(await bridges(kernel), { br1: true, br2: false }, 'a bridge that was made anew');
  }
});

t.test('a network that is made anew has forgotten it, as it has its connections', async (t) => {
  const { kernel } = bed();
  const router = routerOn(kernel);
  await router.reconcile(targetOf([a]));
  const none = targetOf([]);
  await router.reconcile({ ...none, fabric: { ...none.fabric, networks: none.fabric.networks.slice(1), endpoints: [] } });
  await router.reconcile(none);
  t.same(await bridges(kernel), { br1: false, br2: false });
});

t.test('the next netctld finds it, and leaves it', async (t) => {
  const { kernel } = bed();
  await routerOn(kernel).reconcile(targetOf([a]));
  const next = routerOn(kernel);
  t.same((await next.reconcile(targetOf([]))).drift, {});
  t.same(await bridges(kernel), { br1: true, br2: false });
});

for (const [what, endpoints, open, netfilter] of [
  ['a provider', [a], false, true],
  ['an open connection of a service that is deleted', [], true, true],
  ['neither', [], false, false],
] as const) {
  t.test(`a router of an older version, with ${what}: its bridges are seen to before it ends for the others`, async (t) => {
    const { kernel, done } = bed();
    const [routers, conntrack] = [kernel.routers as FakeRouters, kernel.conntrack as FakeConntrack];
    await routerOn(kernel).reconcile(targetOf([]));
    routers.giveNetfilterToAll('blue');
    const connection = { protocol: 'tcp', client: { address: addressOf(ids[1] ?? ''), port: 5 }, service: { address: IpAddress.parse('10.1.1.100'), port: 80 }, provider: { address: addressOf(a), port: 80 } } as const;
    conntrack.track('blue', { ...connection, protocol: 'udp', service: connection.provider });
    if (open) conntrack.track('blue', connection);
    const leave = routers.leaveNetfilterToBridges.bind(routers);
    routers.leaveNetfilterToBridges = (tenant) => (done.push('leave'), leave(tenant));
    done.length = 0;
    t.same((await routerOn(kernel).reconcile(targetOf(endpoints))).drift, {});
    t.same(done.slice(0, netfilter ? 2 : 1), netfilter ? ['setNetfilter', 'leave'] : ['leave']);
    t.same(await bridges(kernel), { br1: netfilter, br2: false });
    t.equal(routers.isNetfilterWithBridges('blue'), true);
  });
}

t.test('somebody turns it on for the whole router: it is turned off, and counted', async (t) => {
  const { kernel } = bed();
  const router = routerOn(kernel);
  await router.reconcile(targetOf([a]));
  (kernel.routers as FakeRouters).giveNetfilterToAll('blue');
  (kernel.conntrack as FakeConntrack).track('blue', { protocol: 'tcp', client: { address: IpAddress.parse('10.2.0.5'), port: 5 }, service: { address: IpAddress.parse('10.1.1.100'), port: 80 }, provider: { address: addressOf(a), port: 80 } });
  t.equal(await router.look(), true);
  t.match(await router.reconcile(targetOf([a])), { drift: { setting: 3 } });
  t.equal(kernel.routers.isNetfilterWithBridges('blue'), true);
  t.same(await bridges(kernel), { br1: true, br2: false }, 'an open connection is no reason for others to have it: it began without');
  t.equal(await router.look(), false);
});

t.test('a bridge that does not take it holds up neither the rules nor the links, and is tried again', async (t) => {
  const { kernel, fabric, done } = bed();
  const apply = kernel.fabric.apply.bind(kernel.fabric);
  const router = routerOn(kernel);
  await router.reconcile(targetOf([]));
  kernel.fabric.apply = async (tenant, steps) => {
    if (steps.some(({ action }) => action === 'setNetfilter')) throw new Error('it is refused');
    await apply(tenant, steps);
  };
  await fabric.disturb('blue', [{ action: 'deleteLink', name: bridgeName(2) }]);
  await router.look();
  done.length = 0;
  await t.rejects(router.reconcile(targetOf([a])), /it is refused/);
  t.ok(done.includes('rules'));
  t.ok(bridgeName(2) in (await bridges(kernel)));
  t.match(router.error, /it is refused/);
  kernel.fabric.apply = apply;
  await router.reconcile(targetOf([a]));
  t.same(await bridges(kernel), { br1: true, br2: false });
  t.equal(router.error, undefined);
});
