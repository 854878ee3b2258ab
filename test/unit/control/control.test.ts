import * as fc from 'fast-check';
import type { PortRequest } from '../../../plugin/ports.js';
import t, { type Test } from 'tap';
import { NetctlError } from '../../../src/model/errors.js';
import { Random } from '../../support/random.js';
import { Bed, networkRequest, serviceRequest, until } from './bed.js';
import { wrongs } from './invariants.js';

const networks = ['default', 'blue'].flatMap((tenant) => [
  networkRequest(tenant, 'n1', '10.1.1.0/24', '10.1.1.254'),
  networkRequest(tenant, 'n2', '10.2.1.0/28'),
  networkRequest(tenant, 'n3', '10.3.1.0/29', '10.3.1.1'),
]);

interface Step {
  readonly action: keyof typeof actions;
  /** Chooses what the step is done to. */
  readonly a: number;
  readonly b: number;
}

function at<T>(items: readonly T[], index: number): T | undefined {
  return items[index % items.length];
}

const running = (bed: Bed): string[] => [...bed.docker.containers].filter(([, { attached }]) => attached).map(([id]) => id);
const labels = (b: number): Record<string, string> => ({ app: b % 2 === 0 ? 'a' : 'b' });

/** Few ports, so that they are often taken. */
const published = (b: number): PortRequest[] => (b % 3 === 0 ? [{ protocol: 6, port: 80, hostPort: 8000 + (b % 4), hostPortEnd: 0 }] : []);

/** What is refused is refused with a reason; an error of another kind is a bug. */
const actions = {
  createTenant: (bed: Bed) => bed.control.createTenant({ name: 'blue' }),
  deleteTenant: (bed: Bed) => bed.control.deleteTenant('blue'),
  createNetwork: (bed: Bed, { a }: Step) => bed.control.createNetwork(at(networks, a) ?? networkRequest('default', 'n1', '10.1.1.0/24')),
  deleteNetwork: (bed: Bed, { a }: Step) => withItem(at(bed.control.listNetworks(), a), ({ tenant, name }) => bed.control.deleteNetwork(tenant, name)),
  createService: (bed: Bed, { a, b }: Step) =>
    withItem(at(bed.control.listNetworks(), a), ({ tenant, name }) => bed.control.createService(serviceRequest(tenant, `w${b % 3}`, name, b % 2 === 0 ? 'app=a' : 'app in (a,b)'))),
  deleteService: (bed: Bed, { a }: Step) => withItem(at(bed.control.listServices(), a), ({ service }) => bed.control.deleteService(service.tenant, service.name)),
  drainService: (bed: Bed, { a, b }: Step) => withServiceAndContainer(bed, a, b, (tenant, name, id) => bed.control.drainService(tenant, name, id)),
  undrainService: (bed: Bed, { a, b }: Step) => withServiceAndContainer(bed, a, b, (tenant, name, id) => bed.control.undrainService(tenant, name, id)),
  run: (bed: Bed, { a, b }: Step) => withItem(at([...bed.docker.networks.values()], a), ({ name }) => bed.docker.run({ network: name, labels: labels(b), publish: published(b) })),
  start: (bed: Bed, { a }: Step) =>
    withItem(at([...bed.docker.containers].filter(([, { attached }]) => !attached).map(([id]) => id), a), (id) => bed.docker.start(id)),
  stop: (bed: Bed, { a }: Step) => withItem(at(running(bed), a), (id) => bed.docker.stop(id)),
  drain: (bed: Bed, { a }: Step) => withItem(at(running(bed), a), async (id) => bed.docker.set(id, { stopping: true })),
  outlive: (bed: Bed, { a }: Step) => withItem(at(running(bed), a), async (id) => bed.docker.set(id, { stopping: false })),
  pause: (bed: Bed, { a, b }: Step) => withItem(at(running(bed), a), async (id) => bed.docker.set(id, { state: b % 2 === 0 ? 'paused' : 'running' })),
  sicken: (bed: Bed, { a, b }: Step) => withItem(at(running(bed), a), async (id) => bed.docker.set(id, { health: b % 2 === 0 ? 'unhealthy' : 'healthy' })),
  remove: (bed: Bed, { a }: Step) => withItem(at([...bed.docker.containers.keys()], a), (id) => bed.docker.remove(id)),
  wait: async (bed: Bed, { a }: Step) => void (bed.now += a * 10_000),
  async restart(bed: Bed) {
    await bed.stop();
    await bed.start();
  },
};

async function withServiceAndContainer(bed: Bed, a: number, b: number, work: (tenant: string, name: string, id: string) => Promise<unknown>): Promise<void> {
  await withItem(at(bed.control.listServices(), a), ({ service: { tenant, name } }) => withItem(at([...bed.docker.containers.keys()], b), (id) => work(tenant, name, id)));
}

async function withItem<T>(item: T | undefined, work: (item: T) => Promise<unknown>): Promise<void> {
  if (item !== undefined) await work(item);
}

/** A container's own commands come one after the other in Docker, and a refusal of netctl's is an answer. */
async function take(bed: Bed, step: Step): Promise<void> {
  try {
    await actions[step.action](bed, step);
  } catch (error) {
    if (!(error instanceof NetctlError)) throw error;
  }
}

/** All failures are over: whatever happened before, everything comes to agree. */
async function rest(bed: Bed): Promise<void> {
  await until('Docker has its networks', async () => {
    const { entries } = await bed.store.list('networks/');
    return entries.length === bed.docker.networks.size;
  });
  await bed.settle();
  await bed.control.collectGarbage();
  bed.now += 61_000;
  await bed.control.collectGarbage();
  await bed.settle();
  const tenants = new Set(bed.control.listNetworks().map(({ tenant }) => tenant));
  await until('empty routers are gone', async () => (await bed.routers.list()).every((tenant) => tenants.has(tenant)));
}

/** What failed last is still to be tried again, when the back-off ends. */
async function agreement(bed: Bed): Promise<void> {
  let found: string[] = [];
  await until('store, Docker and kernel agree', async () => (found = await wrongs(bed)).length === 0).catch((error: unknown) => {
    throw new Error(found.join('\n'), { cause: error });
  });
}

const anyAction = fc.constantFrom(...(Object.keys(actions) as (keyof typeof actions)[]));
/** What makes the interesting states is wanted more often than its opposite. */
const builders = fc.constantFrom<keyof typeof actions>('createNetwork', 'createService', 'run', 'run', 'start');
const step: fc.Arbitrary<Step> = fc.record({ action: fc.oneof(anyAction, builders), a: fc.nat(40), b: fc.nat(40) });
const steps = fc.array(step, { minLength: 1, maxLength: 80, size: 'max' });

async function holds(t: Test, runs: number, property: (bed: Bed, steps: readonly Step[], random: Random) => Promise<void>): Promise<void> {
  let done = 0;
  const result = await fc.check(
    fc.asyncProperty(steps, fc.integer(), async (steps, seed) => {
      const bed = new Bed();
      await bed.start();
      try {
        await property(bed, steps, new Random(seed));
        await rest(bed);
        await agreement(bed);
        done += steps.length;
      } finally {
        await bed.stop();
      }
    }),
    { numRuns: runs, includeErrorInReport: true },
  );
  t.notOk(result.failed, `${done} operations, seed ${result.seed}`, { report: fc.defaultReportMessage(result) });
}

t.test('whatever is done, store, Docker and kernel agree', (t) =>
  holds(t, 60, async (bed, steps) => {
    for (const step of steps) await take(bed, step);
  }),
);

t.test('although the kernel refuses one step in ten', (t) =>
  holds(t, 40, async (bed, steps, random) => {
    bed.refuses = () => random.next() < 0.1;
    for (const step of steps) await take(bed, step);
    bed.refuses = () => false;
  }),
);

t.test('although Docker goes and comes', (t) =>
  holds(t, 40, async (bed, steps, random) => {
    const byDocker: readonly string[] = ['run', 'start', 'stop', 'remove'];
    for (const step of steps) {
      if (random.next() < 0.2) {
        if (bed.dockerIsAway) bed.dockerReturns();
        else bed.dockerGoes();
      }
      if (!bed.dockerIsAway || !byDocker.includes(step.action)) await take(bed, step);
    }
    if (bed.dockerIsAway) bed.dockerReturns();
  }),
);

t.test('although the daemon is killed in the middle of what it does', (t) =>
  holds(t, 40, async (bed, steps, random) => {
    for (const step of steps) {
      const taken = Promise.resolve(actions[step.action](bed, step)).catch(() => undefined);
      if (step.action === 'restart' || random.next() < 0.7) {
        await taken;
        continue;
      }
      for (let turns = Math.floor(random.next() * 8); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      bed.crash();
      await bed.start();
      await taken;
    }
    await actions.restart(bed);
  }),
);

t.test('when all is deleted nothing is left', (t) =>
  holds(t, 30, async (bed, steps) => {
    for (const step of steps) await take(bed, step);
    for (const id of [...bed.docker.containers.keys()]) await bed.docker.remove(id);
    for (const { service } of bed.control.listServices()) await bed.control.deleteService(service.tenant, service.name);
    for (const { tenant, name } of bed.control.listNetworks()) await bed.control.deleteNetwork(tenant, name);
    for (const { tenant } of bed.control.listTenants()) if (tenant.name !== 'default') await bed.control.deleteTenant(tenant.name);
    const { entries } = await bed.store.list('');
    const left = [...entries.map(({ key }) => key), ...bed.docker.networks.keys(), ...(await bed.routers.list())];
    if (left.join(' ') !== 'tenants/default') throw new Error(`left: ${left.join(' ')}`);
  }),
);

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  await bed.start();
  t.teardown(() => bed.stop());
  return bed;
}

t.test('what Docker refuses leaves nothing behind', async (t) => {
  const bed = await started(t);
  bed.docker.refusal = new NetctlError('conflict', 'Pool overlaps with other one on this address space');
  await t.rejects(bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254')), { code: 'conflict', message: /Pool overlaps/ });
  await until('there is no router', async () => (await bed.routers.list()).length === 0);
  await until('its uplink is free', async () => (await bed.store.list('uplinks/')).entries.length === 0);
  t.strictSame((await bed.store.list('')).entries.map(({ key }) => key), ['tenants/default'], 'the store is as it was');
  bed.docker.refusal = undefined;
  t.strictSame((await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254'))).created, true, 'the next one is made as if there had been none');
  t.strictSame(await wrongs(bed), []);
});

t.test('forty containers and ten services at once: no address twice', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/26', '10.1.1.62'));
  const runs = Array.from({ length: 40 }, () => bed.docker.run({ network: 'n1' }));
  const services = Array.from({ length: 10 }, (_, index) => bed.control.createService(serviceRequest('default', `w${index}`, 'n1', 'app=a')));
  const ids = await Promise.all(runs);
  const made = await Promise.all(services);
  const held = [...ids.map((id) => bed.docker.addressOf(id)), ...made.map(({ service }) => service.addresses.join(' '))];
  t.equal(new Set(held).size, 50, 'fifty addresses');
  t.equal(bed.control.network('default', 'n1').allocated, '10.1.1.1-10.1.1.50', 'the lowest');
  t.strictSame(await wrongs(bed), []);

  const more = await Promise.allSettled(Array.from({ length: 20 }, () => bed.docker.run({ network: 'n1' })));
  t.equal(more.filter(({ status }) => status === 'fulfilled').length, 11, 'eleven are left for twenty more');
  const reasons = more.flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as NetctlError).code] : []));
  t.strictSame([...new Set(reasons)], ['exhausted'], 'the others are told why');
  t.strictSame(await wrongs(bed), []);
});

t.test('one address for many who claim it: one gets it', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  const claims = [
    ...Array.from({ length: 5 }, () => bed.docker.run({ network: 'n1', ip: '10.1.1.9' })),
    ...Array.from({ length: 5 }, (_, index) => bed.control.createService(serviceRequest('default', `w${index}`, 'n1', 'app=a', '10.1.1.9'))),
  ];
  const outcomes = await Promise.allSettled<unknown>(claims);
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  t.strictSame(await wrongs(bed), []);
});

t.test('two hosts on one store: no address twice', async (t) => {
  const one = await started(t);
  await one.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  const two = new Bed(one.store, 'h2');
  await two.start();
  t.teardown(() => two.stop());
  await until('the second host has its Docker network', () => two.docker.networks.size === 1);
  const hosts = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? one : two));
  const ran = await Promise.all(hosts.map(async (host) => host.docker.addressOf(await host.docker.run({ network: 'n1' }))));
  t.equal(new Set(ran).size, 40, 'forty addresses for forty containers');
  const claims = await Promise.allSettled(hosts.slice(0, 10).map((host) => host.docker.run({ network: 'n1', ip: '10.1.1.200' })));
  t.equal(claims.filter(({ status }) => status === 'fulfilled').length, 1, 'of ten claims of one address one is granted');
  const held = (await one.store.list('allocations/')).entries;
  t.equal(held.length, 41, 'and that is what the store holds');
});

t.test('what Docker releases after its endpoint is not what was asked for meanwhile', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/30'));
  const { pluginAddresses, pluginEndpoints } = bed.control;
  const [networkId = ''] = bed.docker.networks.keys();
  const pool = { poolId: 'default/n1/v4', purpose: 'endpoint' } as const;
  const one = await pluginAddresses.requestAddress(pool);
  const other = await pluginAddresses.requestAddress(pool);
  await pluginEndpoints.createEndpoint({ networkId, endpointId: 'a'.repeat(64), addresses: [one.address] });
  await pluginEndpoints.deleteEndpoint(networkId, 'a'.repeat(64));
  const again = await pluginAddresses.requestAddress(pool);
  t.equal(again.address.toString(), one.address.toString(), 'nothing else is free');
  await pluginAddresses.releaseAddress(pool.poolId, one.address);
  await t.rejects(pluginAddresses.requestAddress(pool), { code: 'exhausted' }, 'who asked for it meanwhile has it');
  await pluginAddresses.releaseAddress(pool.poolId, again.address);
  t.equal((await pluginAddresses.requestAddress(pool)).address.toString(), one.address.toString(), 'until he gives it back');
  await pluginEndpoints.createEndpoint({ networkId, endpointId: 'b'.repeat(64), addresses: [other.address] });
  await pluginEndpoints.deleteEndpoint(networkId, 'b'.repeat(64));
  bed.now += 20_001;
  await pluginAddresses.requestAddress(pool);
  await pluginAddresses.releaseAddress(pool.poolId, other.address);
  await t.resolves(pluginAddresses.requestAddress(pool), 'a release that never came takes nothing away from a later one');
});

t.test('an address that Docker asked for and never used is released after a minute', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  const { poolId } = await bed.control.pluginAddresses.requestPool({ tenant: 'default', network: 'n1', family: 4 });
  await bed.control.pluginAddresses.requestAddress({ poolId, purpose: 'endpoint' });
  bed.now += 60_000;
  await bed.control.collectGarbage();
  t.equal(bed.control.network('default', 'n1').allocated, '10.1.1.1', 'held for a minute');
  bed.now += 1;
  await bed.control.collectGarbage();
  t.equal(bed.control.network('default', 'n1').allocated, '', 'and no longer');
  t.equal((await bed.store.list('allocations/')).entries.length, 1, 'it rests');
  bed.now += 60_000;
  await bed.control.collectGarbage();
  t.equal((await bed.store.list('allocations/')).entries.length, 0, 'and is forgotten when it has rested');
});

t.test('an endpoint that Docker no longer knows is released after a minute, while Docker answers', async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  const id = await bed.docker.run({ network: 'n1' });
  bed.docker.containers.delete(id);
  bed.dockerGoes();
  await bed.control.collectGarbage();
  bed.now += 120_000;
  await bed.control.collectGarbage();
  t.equal(bed.control.listEndpoints().length, 1, 'kept while Docker is away');
  bed.dockerReturns();
  await bed.control.collectGarbage();
  bed.now += 60_001;
  await bed.control.collectGarbage();
  t.equal(bed.control.listEndpoints().length, 0, 'released');
  await bed.settle();
  t.strictSame(await wrongs(bed), [], 'and its link and neighbour are gone');
});

t.test("a container's link is made although its connections cannot be looked through", async (t) => {
  const bed = await started(t);
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24'));
  await bed.control.createService(serviceRequest('default', 'w', 'n1', 'app=a'));
  const id = await bed.docker.run({ network: 'n1', labels: { app: 'a' } });
  await bed.settle();
  const list = bed.conntrack.list.bind(bed.conntrack);
  bed.conntrack.list = () => Promise.reject(new NetctlError('internal', 'conntrack is broken'));
  await bed.docker.remove(id);
  await t.resolves(bed.docker.run({ network: 'n1' }), 'docker run succeeds');
  t.match(bed.control.tenant('default').error, /conntrack is broken/, 'and the tenant says what is wrong');
  bed.conntrack.list = list;
  await bed.settle();
  t.equal(bed.control.tenant('default').error, undefined, 'until it is mended');
  t.strictSame(await wrongs(bed), []);
});
