import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { FakeNftables } from '../../../daemon/kernel/nftables-fake.js';
import { FakeRouters } from '../../../daemon/kernel/routers-fake.js';
import { normalize, sameBehaviour } from '../../../src/nat/behaviour.js';
import { countOperations, diffNat, isEmptyChange } from '../../../src/nat/diff.js';
import type { NatInput } from '../../../src/nat/input.js';
import { chainName } from '../../../src/nat/keys.js';
import { planNat } from '../../../src/nat/plan.js';
import { emptyNat } from '../../../src/nat/state.js';
import { natInput, network, service } from './arbitraries.js';

const networks = [network('br1', ['10.1.0.0/24', '10.1.0.254'])];
const web = (...providers: string[]) => service('10.1.0.100', ['80:8080/tcp', '53:53/udp'], providers);

t.test('a provider less: the slots of its services, and its hairpin', (t) => {
  const before = planNat({ networks, services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.1', '10.1.0.2'])] });
  const after = planNat({ networks, services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.2'])] }, before);
  t.same(diffNat(after, before), {
    ip: {
      chains: [{ algorithm: 'roundrobin', slots: 1, turn: 0 }],
      deletes: [
        { set: 'services', key: '10.1.0.100 . tcp . 80', data: '512' },
        { set: 'slots', key: '10.1.0.100 . tcp . 80 . 0', data: '10.1.0.1 . 8080' },
        { set: 'slots', key: '10.1.0.100 . tcp . 80 . 1', data: '10.1.0.2 . 8080' },
        { set: 'legs', key: '10.1.0.100 . tcp . 80 . 10.1.0.1', data: '373329173' },
        { set: 'traffic', key: '373329173 . original' },
        { set: 'traffic', key: '373329173 . reply' },
        { set: 'hairpin', key: '10.1.0.1 . 10.1.0.1', data: '10.1.0.254' },
      ],
      adds: [
        { set: 'balancers', key: '256', data: 'goto balance_1_0' },
        { set: 'services', key: '10.1.0.100 . tcp . 80', data: '256' },
        { set: 'slots', key: '10.1.0.100 . tcp . 80 . 0', data: '10.1.0.2 . 8080' },
      ],
      unused: [],
    },
    ip6: { chains: [], deletes: [], adds: [], unused: [] },
  });
  t.end();
});

t.test('applied, the difference leads to what is desired', async (t) => {
  const routers = new FakeRouters();
  await routers.ensure('blue');
  const nftables = new FakeNftables(routers);
  await t.resolves(fc.assert(
    fc.asyncProperty(natInput, natInput, async (first, second) => {
      const before = planNat(first);
      const after = planNat(second, before);
      await nftables.replace('blue', before);
      await nftables.apply('blue', diffNat(after, before));
      const read = await nftables.read('blue');
      assert.ok(typeof read === 'object' && isEmptyChange(diffNat(after, read)) && isEmptyChange(diffNat(read, after)));
    }),
  ));
});

t.test('a chain is deleted when nothing led to it already, and not with its last element', (t) => {
  const before = planNat({ networks, services: [web('10.1.0.1', '10.1.0.2')] }, planNat({ networks, services: [web('10.1.0.1', '10.1.0.2', '10.1.0.3')] }));
  const after = planNat({ networks, services: [web('10.1.0.1')] });
  const { ip: first } = diffNat(after, before);
  t.same(first.deletes.flatMap(({ set, data }) => (set === 'balancers' ? [data] : [])), [3, 2].flatMap((slots) => [0, 1].map((turn) => `goto balance_${slots}_${turn}`)), 'the ways to those that nobody uses go');
  t.same(first.unused, [], 'and not the chains');
  const { ip: second } = diffNat(after, { ...after, ip: { ...after.ip, chains: before.ip.chains } });
  t.same(second.unused.map(chainName).toSorted(), [2, 3].flatMap((slots) => [0, 1].map((turn) => `balance_${slots}_${turn}`)), 'those go when nothing leads to them');
  t.end();
});

t.test('equals do not differ, even when they share nothing', (t) => {
  const property = fc.property(natInput, (input) => isEmptyChange(diffNat(planNat(input), planNat(input))));
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('what one provider costs does not depend on the other services', (t) => {
  const provider = fc.constantFrom('10.9.0.1', '10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5');
  const property = fc.property(natInput, fc.uniqueArray(provider), provider, (others, some, one) => {
    const inputOf = (providers: readonly string[]): NatInput => ({
      networks: [...others.networks, network('br9', ['10.9.0.0/24', '10.9.0.254'])],
      services: [...others.services, service('10.9.0.100', ['80:8080/tcp', '53:53/udp'], providers)],
    });
    const before = planNat(inputOf(some.filter((each) => each !== one)));
    const after = planNat(inputOf([...some, one]), before);
    // Of each of the two ports: a chain and the way to it, the service deleted and added, a slot, and three for what is counted. And a hairpin.
    assert.ok(countOperations(diffNat(after, before)) <= 2 * 8 + 1);
    // Of each of the two ports: a chain and the way to it, the service deleted and added, two slots deleted and one added, and three for what was counted.
    const back = planNat(inputOf(some.filter((each) => each !== one)), after);
    assert.ok(countOperations(diffNat(back, after)) <= 2 * 10 + 1);
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('behaviour is what is left without history', (t) => {
  const straight = planNat({ networks, services: [web('10.1.0.1', '10.1.0.2')] });
  const winding = planNat({ networks, services: [web('10.1.0.1', '10.1.0.2')] }, planNat({ networks, services: [web('10.1.0.2')] }));
  t.notOk(isEmptyChange(diffNat(winding, straight)));
  t.ok(sameBehaviour(winding, straight));
  t.same(normalize(winding), normalize(straight));
  for (const services of [[], [web('10.1.0.1')], [web('10.1.0.1', '10.1.0.3')], [service('10.1.0.100', ['80:80/tcp', '53:53/udp'], ['10.1.0.1', '10.1.0.2'])]]) {
    t.notOk(sameBehaviour(planNat({ networks, services }), straight));
  }
  t.notOk(sameBehaviour(planNat({ networks: [], services: [web('10.1.0.1', '10.1.0.2')] }), straight));
  t.notOk(sameBehaviour(emptyNat, straight));
  t.end();
});
