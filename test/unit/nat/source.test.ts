import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { IpAddress } from '../../../src/model/address.js';
import { planNat } from '../../../src/nat/plan.js';
import { emptyNat } from '../../../src/nat/state.js';
import { placeSource } from '../../../src/nat/source.js';
import { ip, network, service } from './arbitraries.js';

const address = (index: number): IpAddress => ip(`10.1.${index >> 8}.${index & 255}`);
const addresses = (count: number): IpAddress[] => Array.from({ length: count }, (_, index) => address(index));
const alone = (members: readonly IpAddress[]) => [{ weight: 1, members }];
const from = (members: readonly IpAddress[], previous: readonly IpAddress[] = []): IpAddress[] => placeSource(previous, alone(members));

function counts(slots: readonly IpAddress[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const slot of slots) counted.set(slot.toString(), (counted.get(slot.toString()) ?? 0) + 1);
  return counted;
}

/** Everybody has the share rounded down or up. */
function checkShares(slots: readonly IpAddress[], members: number): void {
  const share = slots.length / members;
  assert.equal(counts(slots).size, members);
  for (const count of counts(slots).values()) assert.ok(count === Math.floor(share) || count === Math.ceil(share), `${count} of ${slots.length} for ${members}`);
}

const moved = (before: readonly IpAddress[], after: readonly IpAddress[]): number[] => {
  const times = after.length / before.length;
  return after.flatMap((owner, slot) => (before[Math.floor(slot / times)]?.equals(owner) ? [] : [slot]));
};

t.test('from nothing, shares are even, also among many', (t) => {
  for (const [members, slots] of [[1, 1_000], [2, 1_000], [3, 1_000], [7, 1_000], [100, 1_000], [101, 2_000], [300, 4_000], [1_600, 16_000], [3_000, 16_000]] as const) {
    const placed = from(addresses(members));
    t.equal(placed.length, slots);
    t.doesNotThrow(() => checkShares(placed, members));
  }
  t.end();
});

t.test('whoever leaves, only his slots move, to all others alike', (t) => {
  const property = fc.property(fc.integer({ min: 2, max: 120 }), fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), (members, leavers) => {
    let present = addresses(members);
    let slots = from(present);
    for (const pick of leavers) {
      if (present.length === 1) return;
      const leaver = present[pick % present.length];
      const rest = present.filter((each) => each !== leaver);
      const after = from(rest, slots);
      checkShares(after, rest.length);
      const gone = moved(slots, after);
      assert.ok(gone.every((slot) => slots[slot] === leaver));
      assert.ok(gone.length / slots.length <= 1 / present.length + 0.02);
      assert.ok(gone.length <= Math.ceil(slots.length / present.length));
      const gains = rest.map((each) => (counts(after).get(each.toString()) ?? 0) - (counts(slots).get(each.toString()) ?? 0));
      assert.ok(Math.max(...gains) - Math.min(...gains) <= 2, `${Math.min(...gains)} to ${Math.max(...gains)}`);
      [present, slots] = [rest, after];
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 50 }));
  t.end();
});

t.test('a newcomer takes his share from all others alike, and nobody else moves', (t) => {
  const property = fc.property(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 8 }), (members, newcomers) => {
    let present = addresses(members);
    let slots = from(present);
    for (let index = 0; index < newcomers; index += 1) {
      const newcomer = address(members + index);
      const after = from([...present, newcomer], slots);
      checkShares(after, present.length + 1);
      const taken = moved(slots, after);
      assert.ok(taken.every((slot) => after[slot] === newcomer));
      assert.ok(taken.length <= Math.ceil(after.length / (present.length + 1)));
      const losses = [...counts(taken.map((slot) => slots[Math.floor(slot / (after.length / slots.length))] ?? newcomer)).values()];
      assert.ok(Math.max(...losses) - Math.min(...losses, losses.length < present.length ? 0 : Infinity) <= 2, losses.join());
      [present, slots] = [[...present, newcomer], after];
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 50 }));
  t.end();
});

t.test('more slots for more providers split each slot in two', (t) => {
  const before = from(addresses(100));
  const after = from(addresses(101), before);
  t.same([before.length, after.length], [1_000, 2_000]);
  t.equal(moved(before, after).length, 19, 'the newcomer alone has moved slots');
  t.equal(from(addresses(100), after).length, 2_000, 'and they stay as many');
  t.end();
});

t.test('placed anew they are where they were, and similarly where one is missing', (t) => {
  t.same(from(addresses(10)), from(addresses(10)));
  const share = moved(from(addresses(10)), from(addresses(9))).length / 1_000;
  t.ok(share < 0.25, `${(100 * share).toFixed(1)} % have moved, where 10 % had to`);
  t.end();
});

t.test('by weights', (t) => {
  const [canary, rest] = [addresses(2), addresses(5).slice(2)];
  const groups = [{ weight: 10, members: canary }, { weight: 90, members: rest }];
  const slots = placeSource([], groups);
  t.same(counts(slots), new Map([...canary.map((each) => [each.toString(), 50] as const), ...rest.map((each) => [each.toString(), 300] as const)]));
  const without = placeSource(slots, [{ weight: 10, members: canary.slice(1) }, { weight: 90, members: rest }]);
  t.ok(moved(slots, without).every((slot) => slots[slot] === canary[0] && without[slot] === canary[1]), 'the share stays in the group');
  const gone = placeSource(slots, [{ weight: 90, members: rest }]);
  t.ok(moved(slots, gone).every((slot) => canary.includes(slots[slot] ?? address(9))), 'and goes to the others when the group is empty');
  t.end();
});

t.test('the plan remembers who has which client', (t) => {
  const plan = (providers: readonly string[], algorithm: 'source' | 'roundrobin', previous = emptyNat) =>
    planNat({ networks: [network('br1', ['10.1.0.0/24', '10.1.0.254'])], services: [{ ...service('10.1.0.100', ['80:8080/tcp'], providers), algorithm }] }, previous);
  const first = plan(['10.1.0.1', '10.1.0.2', '10.1.0.3'], 'source');
  const without = plan(['10.1.0.1', '10.1.0.3'], 'source', first);
  const again = plan(['10.1.0.1', '10.1.0.2', '10.1.0.3'], 'source', without);
  const [a, b, c] = [first, without, again].map(({ ip }) => [...ip.ports.values()].flatMap((port) => port.slots.map((slot) => slot.address)));
  t.same([...first.ip.chains.keys()], ['source_1000']);
  t.equal(moved(a ?? [], b ?? []).length, 333);
  t.equal(moved(b ?? [], c ?? []).length, 333);
  t.equal(plan(['10.1.0.1', '10.1.0.3'], 'source', without).ip.ports.get('10.1.0.100 . tcp . 80'), without.ip.ports.get('10.1.0.100 . tcp . 80'));
  t.same([...plan(['10.1.0.1', '10.1.0.3'], 'roundrobin', without).ip.ports.values()].map(({ slots }) => slots.length), [2]);
  t.same([...plan(['10.1.0.1', '10.1.0.3'], 'source', plan(['10.1.0.1', '10.1.0.3'], 'roundrobin')).ip.ports.values()].map(({ slots }) => slots.length), [1_000]);
  t.end();
});
