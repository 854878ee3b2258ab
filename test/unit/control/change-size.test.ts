import t, { type Test } from 'tap';
import { Providers, type Candidacy } from '../../../daemon/control/providers.js';
import { State } from '../../../daemon/control/state.js';
import { countOperations, type NatChange } from '../../../src/nat/diff.js';
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
    // Chains aside: among few services the one that is needed may not be there yet.
    sizes.push(made.reduce((sum, { ip }) => sum + ip.deletes.length + ip.adds.length, 0));
  }
  // Two ports lead to other chains, and there each has a slot more and a leg, which counts two directions; and it may call its own service.
  t.same(sizes, [13, 13]);
});

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
