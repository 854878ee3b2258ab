import t from 'tap';
import { Router, type RouterTarget } from '../../../daemon/control/router.js';
import { FakeConntrack } from '../../../daemon/kernel/conntrack-fake.js';
import { FakeFabric } from '../../../daemon/kernel/fabric-fake.js';
import { FakeHostNetwork } from '../../../daemon/kernel/host-fake.js';
import { FakeHostPorts } from '../../../daemon/kernel/host-ports-fake.js';
import { FakeNftables } from '../../../daemon/kernel/nftables-fake.js';
import type { Kernel } from '../../../daemon/kernel/port.js';
import { FakeRouters } from '../../../daemon/kernel/routers-fake.js';
import { bridgeName, portName } from '../../../src/fabric/names.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';

const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
const ipv4 = { prefix: Prefix.parse('10.1.1.0/24'), gateway: IpAddress.parse('10.1.1.254') };
const serviceIp = IpAddress.parse('10.1.1.100');
const addressOf = (id: string): IpAddress => IpAddress.parse(`10.1.1.${ids.indexOf(id) + 1}`);

/** A router with one network, these endpoints, and a service over them all. */
function target(endpoints: readonly string[], options: { joining?: readonly string[]; dockerKnown?: boolean } = {}): RouterTarget {
  const services = [{ addresses: [serviceIp], ports: [{ port: 80, targetPort: 80, protocol: 'tcp' as const }], providers: endpoints.map((id) => ({ addresses: [addressOf(id)] })) }];
  return {
    fabric: {
      networks: [{ vni: 1, subnets: [ipv4] }],
      endpoints: endpoints.map((id) => ({ id, vni: 1, addresses: [addressOf(id)], mac: Mac.fromIp(addressOf(id)) })),
      serviceAddresses: [serviceIp],
    },
    nat: { networks: [{ bridge: bridgeName(1), ipv4 }], services },
    joining: new Set(options.joining ?? endpoints),
    ...(options.dockerKnown === false ? {} : { living: { addresses: endpoints.map(addressOf), services } }),
  };
}

/** A kernel that writes down in which order it is changed, and refuses steps that a test names. */
function bed(): { kernel: Kernel; nftables: FakeNftables; done: string[]; refuse: Set<string> } {
  const routers = new FakeRouters();
  const fabric = new FakeFabric(routers);
  const nftables = new FakeNftables(routers);
  const done: string[] = [];
  const refuse = new Set<string>();
  const kernel: Kernel = {
    routers,
    fabric: {
      read: (tenant) => fabric.read(tenant),
      changedByOthers: (tenant) => fabric.changedByOthers(tenant),
      async apply(tenant, steps) {
        for (const step of steps) {
          const link = 'link' in step ? step.link.name : '';
          if (refuse.has(link)) throw new Error(`${step.action} ${link} is refused`);
          done.push(step.action);
          await fabric.apply(tenant, [step]);
        }
      },
    },
    nftables: {
      read: (tenant) => nftables.read(tenant),
      replace: (tenant, state) => (done.push('replace'), nftables.replace(tenant, state)),
      apply: (tenant, change) => (done.push('rules'), nftables.apply(tenant, change)),
      generation: (tenant) => nftables.generation(tenant),
    },
    conntrack: new FakeConntrack(routers),
    host: new FakeHostNetwork(fabric),
    ports: new FakeHostPorts(),
  };
  return { kernel, nftables, done, refuse };
}

async function providersIn(nftables: FakeNftables): Promise<string[]> {
  const state = await nftables.read('blue');
  if (typeof state === 'string') return [state];
  return [...state.ip.ports.values()].flatMap(({ slots }) => slots.map(({ address }) => address.toString())).toSorted();
}

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
  t.strictSame(await router.reconcile(target(ids)), { steps: 0, operations: 0, flows: 0, drift: 0 });
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
  t.ok(drift > 0);
  t.notOk(router.holdsLink(portName(a)));
  t.ok(router.holdsLink(portName(b)));
  t.match(router.error, /^1 container has lost the link/);
});

t.test('what somebody else changed is found on doubt, counted and repaired', async (t) => {
  const { kernel, nftables } = bed();
  const router = new Router('blue', kernel);
  await router.reconcile(target(ids));
  nftables.flush('blue');
  t.strictSame(await router.reconcile(target(ids)), { steps: 0, operations: 0, flows: 0, drift: 0 }, 'not looked at without doubt');
  router.doubt();
  t.match(await router.reconcile(target(ids)), { drift: 1, operations: 1 });
  t.equal((await providersIn(nftables)).length, 3);
});
