import t, { type Test } from 'tap';
import { elementBatch } from '../../../daemon/kernel/nft-batch.js';
import { Providers, type Candidacy } from '../../../daemon/control/providers.js';
import { State } from '../../../daemon/control/state.js';
import { fabricState } from '../../../src/fabric/keys.js';
import type { FabricStep } from '../../../src/fabric/state.js';
import type { Operation } from '../../../daemon/store/port.js';
import { IpAddress } from '../../../src/model/address.js';
import { keys } from '../../../src/model/keys.js';
import { encodeStored } from '../../../src/model/stored.js';
import { countOperations, type NatChange } from '../../../src/nat/diff.js';
import { parseTerm } from '../../../src/selectors/parse.js';
import { Bed, networkRequest, serviceRequest, until } from './bed.js';

/** A bed with so many services, each with two providers of its own label or of that of the last. */
async function bedWith(t: Test, services: number): Promise<{ bed: Bed; changes: NatChange[] }> {
  const bed = new Bed();
  const changes: NatChange[] = [];
  const { nftables } = bed.kernel;
  const apply = nftables.apply.bind(nftables);
  nftables.apply = (tenant, change) => (changes.push(change), apply(tenant, change));
  await bed.start();
  t.teardown(() => bed.stop());
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.0.0/16', '10.1.255.254'));
  const all = Array.from({ length: services }, (_, index) => bed.control.createService(serviceRequest('default', `s${index}`, 'n1', index === 0 ? 'app=one' : 'app=other', `10.1.100.${index}`)));
  await Promise.all(all);
  for (const app of ['one', 'other', 'other']) await bed.docker.run({ name: `${app}${bed.docker.containers.size}`, network: 'n1', labels: { app } });
  await until('all are balanced', () => bed.control.service('default', `s${services - 1}`).providers.length === 2);
  await bed.settle();
  return { bed, changes };
}

t.test('one provider more is as much to do among two services as among two hundred', async (t) => {
  const sizes: number[] = [];
  for (const services of [2, 200]) {
    const { bed, changes } = await bedWith(t, services);
    changes.length = 0;
    await bed.docker.run({ name: 'new', network: 'n1', labels: { app: 'one' } });
    await until('it is a provider', () => bed.control.service('default', 's0').providers.length === 2);
    await bed.settle();
    const made = changes.filter((change) => countOperations(change) > 0);
    t.equal(made.length, 1, 'in one transaction');
    // Chains aside, and the ways to them: among few services the one that is needed may not be there yet.
    sizes.push(made.reduce((sum, { ip }) => sum + [...ip.deletes, ...ip.adds].filter(({ set }) => set !== 'balancers').length, 0));
  }
  // Two ports lead to other chains, and there each has a slot more and a leg, which counts two directions; and it may call its own service.
  t.same(sizes, [13, 13]);
});

/** Which objects anybody reads. */
class Watch {
  readonly seen = new Set<object>();
  private readonly watched = new WeakSet<object>();

  watch(objects: readonly object[]): void {
    for (const object of objects.filter((each) => !this.watched.has(each))) {
      this.watched.add(object);
      for (const [name, value] of Object.entries(object)) Object.defineProperty(object, name, { enumerable: true, get: () => (this.seen.add(object), value as unknown) });
    }
  }
}

t.test('a change is as much to look at, to plan and to write among ten services as among five thousand', async (t) => {
  const numbers: Record<string, Work>[] = [];
  for (const count of [10, 5_000]) {
    const bed = new Bed();
    t.teardown(() => bed.stop());
    await bed.start();
    await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.0.0/16', '10.1.255.254'));
    await bed.stop();
    await store(bed, count);
    const steps: FabricStep[] = [];
    // The links of a fake are copied with each step.
    Object.assign(bed.fabric, { read: async () => fabricState({}), apply: async (_: string, made: readonly FabricStep[]) => void steps.push(...made), changedByOthers: () => 'nothing' });
    await bed.start();
    for (const app of ['one', 'other']) await bed.docker.run({ name: app, network: 'n1', labels: { app } });
    const id = await bed.docker.run({ name: 'second', network: 'n1', labels: { app: 'one' } });
    await until('all are balanced', () => bed.control.service('default', 's0').providers.length === 2 && bed.control.service('default', 's1').providers.length === 1);
    await bed.settle();

    const passed = follow(bed, steps);
    const { control } = bed;
    numbers.push({
      nothing: await passed(() => bed.settle()),
      container: await passed(async () => (bed.docker.set(id, { health: 'unhealthy' }), await bed.settle())),
      created: await passed(() => control.createService(serviceRequest('default', 'new', 'n1', 'app=one'))),
      changed: await passed(() => control.updateService({ tenant: 'default', name: 's2', selectors: [parseTerm('app=one')] })),
      deleted: await passed(() => control.deleteService('default', 's3')),
    });
    t.equal(control.service('default', 's0').providers.length, 1);
    t.equal(control.service('default', 's2').providers.length, 1, 'what was to be done is done');
  }
  const [few, many] = numbers;
  t.same(many, few);
  t.same(few?.['nothing'], { looked: 0, steps: 0, elements: 0, octets: 0, written: 0, writtenOctets: 0 });
  t.equal(few?.['created']?.steps, 1, 'a route');
});

/** Services in the store that nobody had to make one by one: the first of the label `one`, all others of another. */
async function store(bed: Bed, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const { ips, ...request } = serviceRequest('default', `s${index}`, 'n1', index === 0 ? 'app=one' : 'app=other');
    const address = IpAddress.parse('10.1.100.0').plus(BigInt(index));
    const service = { ...request, drained: [], requestedIps: ips, addresses: [address] };
    const allocation = { tenant: 'default', network: 'n1', address, owner: { kind: 'service', name: `s${index}` }, since: 0 } as const;
    const operations = [{ key: keys.service('default', `s${index}`), put: encodeStored(service) }, { key: keys.allocation('default', 'n1', address), put: encodeStored(allocation) }];
    await bed.store.transact({ conditions: [], operations });
  }
}

interface Work {
  /** How many of the services that there were, in whatever form, were looked at. */
  readonly looked: number;
  /** At links, addresses and routes. */
  readonly steps: number;
  /** Added and deleted in the router's tables, and the octets that the kernel is sent for it. */
  readonly elements: number;
  readonly octets: number;
  /** Entries put and deleted in the store, and the octets of these. */
  readonly written: number;
  readonly writtenOctets: number;
}

/** Does something, and says how much work that was. */
function follow(bed: Bed, steps: FabricStep[]): (work: () => Promise<unknown>) => Promise<Work> {
  const { state, routers } = bed.control['parts'];
  const [lists] = routers['lists'].values();
  if (!lists) throw new Error('the tenant has no lists');
  const bring = lists.bring.bind(lists);
  let news: ReturnType<typeof bring> | undefined;
  lists.bring = (...input) => (news = bring(...input));
  const watch = new Watch();
  const changes: NatChange[] = [];
  const { nftables } = bed.kernel;
  const apply = nftables.apply.bind(nftables);
  nftables.apply = (tenant, change) => (changes.push(change), apply(tenant, change));
  const operations: Operation[] = [];
  const transact = bed.store.transact.bind(bed.store);
  bed.store.transact = (transaction) => (operations.push(...transaction.operations), transact(transaction));
  return async (work) => {
    await bed.settle();
    watch.watch([...state.services.listOf('default'), ...(news?.candidacies ?? []), ...(news?.balanced ?? []), ...(news?.living ?? [])]);
    watch.seen.clear();
    steps.length = changes.length = operations.length = 0;
    await work();
    const made = changes.filter((change) => countOperations(change) > 0);
    return {
      ...{ looked: watch.seen.size, steps: steps.length },
      elements: made.reduce((sum, change) => sum + countOperations(change), 0),
      octets: made.reduce((sum, change) => sum + elementBatch(change).octets.length, 0),
      written: operations.length,
      writtenOctets: operations.reduce((sum, operation) => sum + JSON.stringify(operation).length, 0),
    };
  };
}

t.test('what does not change is not looked at again', async (t) => {
  const { bed } = await bedWith(t, 50);
  const state = new State(bed.store, { debug() {}, info() {}, warn() {}, error() {} });
  await state.load();
  t.teardown(() => state.close());
  const providers = new Providers(state, { values: () => [...bed.docker.containers.values()].map(({ container }) => ({ host: 'h1', container })) }, { whyAway: () => undefined, isPresent: () => true });
  const found = (): Candidacy[] => {
    const membership = providers.membership('default');
    return state.services.of('default').map((service) => providers.candidacy(service, membership));
  };
  const differing = (before: readonly Candidacy[], after: readonly Candidacy[]): string[] => after.filter((each, index) => each !== before[index]).map(({ service }) => service.name);

  const first = found();
  t.same(first.map(({ choices }) => choices.length), [1, ...Array<number>(49).fill(2)]);
  t.same(differing(first, found()), [], 'nothing happened');

  const id = await bed.docker.run({ name: 'new', network: 'n1', labels: { app: 'one' } });
  const second = found();
  t.same(differing(first, second), ['s0'], 'a provider of one');
  t.equal(second[0]?.choices.length, 2);

  bed.docker.set(id, { health: 'unhealthy' });
  const third = found();
  t.same(differing(second, third), ['s0'], 'it is not well');
  t.equal(third[0]?.choices.filter(({ provider }) => provider).length, 1);

  await bed.control.createNetwork(networkRequest('default', 'n2', '10.2.0.0/24'));
  t.equal(differing(third, found()).length, 50, 'networks: all of them');
});
