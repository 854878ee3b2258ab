import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { Family } from '../../../src/model/address.js';
import type { NatProvider, NatService } from '../../../src/nat/input.js';
import { planNat } from '../../../src/nat/plan.js';
import { servingOf } from '../../../src/nat/serving.js';
import { ip, natInput, service } from './arbitraries.js';

const near = (address: string, group?: number): NatProvider => ({ ...far(address, group), preferred: true });
const far = (address: string, group?: number): NatProvider => ({ addresses: address.split(' ').map(ip), ...(group === undefined ? {} : { group }) });
const balanced = (providers: readonly NatProvider[], rest: Partial<NatService> = {}): NatService => ({ ...service(['10.9.0.100', '2001:db8::100'], ['80:80/tcp'], []), providers, ...rest });

const addressesOf = (providers: readonly NatProvider[]): string[] => providers.flatMap(({ addresses }) => addresses.map(String));
const served = (family: Family, of: NatService): string[] => addressesOf(servingOf(family, of));

t.test('those that are preferred get all, while there are any', (t) => {
  t.same(served(4, balanced([near('10.0.0.1'), far('10.0.0.2'), near('10.0.0.3')])), ['10.0.0.1', '10.0.0.3']);
  t.same(served(4, balanced([far('10.0.0.1'), far('10.0.0.2')])), ['10.0.0.1', '10.0.0.2'], 'there are none');
  t.same(served(4, balanced([])), []);
  t.end();
});

t.test('each family by itself', (t) => {
  const mixed = balanced([near('10.0.0.1'), far('10.0.0.2 2001:db8::2'), far('2001:db8::3')]);
  t.same(served(4, mixed), ['10.0.0.1']);
  t.same(served(6, mixed), ['10.0.0.2', '2001:db8::2', '2001:db8::3'], 'over IPv6 nobody is near');
  t.end();
});

t.test('a preferred one of 0 % gets nothing as long as anybody has more', (t) => {
  const weights = [0, 10];
  t.same(served(4, balanced([near('10.0.0.1', 0), far('10.0.0.2', 1), far('10.0.0.3')], { weights })), ['10.0.0.1', '10.0.0.2', '10.0.0.3'], 'nobody is left out: that it has 0 % its weight says');
  t.same(served(4, balanced([near('10.0.0.1', 0), near('10.0.0.2', 1), far('10.0.0.3')], { weights })), ['10.0.0.2']);
  t.same(served(4, balanced([near('10.0.0.1', 0), far('10.0.0.2', 0)], { weights })), ['10.0.0.1'], 'all have 0 %');
  t.same(served(4, balanced([near('10.0.0.1'), far('10.0.0.2', 0)], { weights: [100] })), ['10.0.0.1', '10.0.0.2'], 'what the weights leave may be nothing');
  t.end();
});

/** Who has how many of the slots. */
function slots(of: NatService): Record<string, number> {
  const [port] = planNat({ networks: [], services: [of] }).ip.ports.values();
  const found: Record<string, number> = {};
  for (const { address } of port?.slots ?? []) found[address.toString()] = (found[address.toString()] ?? 0) + 1;
  return found;
}

t.test('among them weights and algorithm are as ever', (t) => {
  const providers = [near('10.0.0.1', 0), near('10.0.0.2'), near('10.0.0.3'), far('10.0.0.4', 0), far('10.0.0.5')];
  t.same(slots(balanced(providers)), { '10.0.0.1': 1, '10.0.0.2': 1, '10.0.0.3': 1 });
  t.same(slots(balanced(providers, { weights: [50] })), { '10.0.0.1': 2, '10.0.0.2': 1, '10.0.0.3': 1 }, 'half, and the rest shared');
  t.same(slots(balanced(providers, { algorithm: 'source', weights: [50] })), { '10.0.0.1': 500, '10.0.0.2': 250, '10.0.0.3': 250 });
  t.same(slots(balanced([near('10.0.0.1', 0), far('10.0.0.2', 1)], { weights: [0, 100] })), { '10.0.0.2': 1 }, '0 %');
  t.end();
});

t.test('a client keeps its provider by source while others than the preferred come and go', (t) => {
  const of = (...providers: NatProvider[]): NatService => balanced(providers, { algorithm: 'source' });
  const first = planNat({ networks: [], services: [of(near('10.0.0.1'), near('10.0.0.2'), far('10.0.0.3'))] });
  const second = planNat({ networks: [], services: [of(near('10.0.0.1'), near('10.0.0.2'), far('10.0.0.4'))] }, first);
  t.same([...second.ip.ports.values()], [...first.ip.ports.values()]);
  t.end();
});

t.test('all keep their legs: open connections are still counted', (t) => {
  const legs = [...planNat({ networks: [], services: [balanced([near('10.0.0.1'), far('10.0.0.2')])] }).ip.legs.values()];
  t.same(legs.map(({ provider }) => provider.toString()), ['10.0.0.1', '10.0.0.2']);
  t.end();
});

t.test('a service that has a provider of the family is always served', (t) => {
  const property = fc.property(natInput, fc.constantFrom<Family>(4, 6), ({ services }, family) => {
    for (const each of services) {
      const able = each.providers.filter(({ addresses }) => addresses.some((address) => address.family === family));
      const serving = servingOf(family, each);
      assert.equal(serving.length > 0, able.length > 0);
      assert.ok(serving.every((provider) => able.includes(provider)));
      assert.ok(serving.length === able.length || serving.every(({ preferred }) => preferred));
    }
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});
