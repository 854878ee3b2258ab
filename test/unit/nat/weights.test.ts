import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { groupsOf, totalWeight } from '../../../src/nat/groups.js';
import type { NatService } from '../../../src/nat/input.js';
import { planNat } from '../../../src/nat/plan.js';
import { exactQuotas } from '../../../src/nat/quotas.js';
import { smoothSlots } from '../../../src/nat/smooth.js';
import type { BalancedPort } from '../../../src/nat/state.js';
import { chiSquare, chiSquareLimit, picks } from './chi-square.js';
import { ip, network, service } from './arbitraries.js';

/** A service with so many providers in each group; the last of the numbers are those without a weight. */
function weighted(weights: readonly number[], ...sizes: readonly number[]): NatService {
  const providers = sizes.flatMap((size, group) =>
    Array.from({ length: size }, (_, index) => ({ addresses: [ip(`10.1.${group}.${index + 1}`)], ...(group < weights.length ? { group } : {}) })),
  );
  return { ...service('10.9.0.100', ['80:80/tcp'], []), providers, weights };
}

function portOf(service: NatService): BalancedPort {
  const [port] = planNat({ networks: [network('br1', ['10.0.0.0/8', '10.255.255.254'])], services: [service] }).ip.ports.values();
  if (!port) throw new Error('there is no port');
  return port;
}

/** The slots as letters: a to z for the groups. */
const picture = (service: NatService): string => portOf(service).slots.map(({ address }) => 'abcdefgh'[Number(address.toString().split('.')[2])]).join('');

t.test('as few slots as the shares exactly fit in, each in as even a rhythm as they allow', (t) => {
  for (const [what, service, expected] of [
    ['a tenth', weighted([10], 1, 1), 'bbbbabbbbb'],
    ['a quarter', weighted([25], 1, 1), 'babb'],
    ['half', weighted([50], 1, 1), 'ab'],
    ['three', weighted([50, 25], 1, 1, 1), 'abca'],
    ['the rest shared by two', weighted([50], 1, 2), 'abab'],
    ['nobody has the first weight: the others have it all, in proportion', weighted([10, 20], 0, 1, 1), 'ccbcccbcc'],
    ['nobody has another weight than the first', weighted([10], 2, 0), 'aa'],
    ['nothing for 0 %', weighted([0], 1, 2), 'bb'],
    ['nothing is left for those without a weight', weighted([60, 40], 1, 1, 3), 'ababa'],
    ['0 %, but nobody else is there', weighted([0, 100], 3, 0, 0), 'aaa'],
    ['0 % twice', weighted([0, 0, 100], 1, 2, 0, 0), 'abb'],
    ['no weights', weighted([], 3), 'aaa'],
  ] as const) {
    t.equal(picture(service), expected, what);
  }
  t.end();
});

t.test('a provider that is listed twice counts once, for the first of its weights', (t) => {
  const twice = { ...weighted([10], 1, 1), providers: [{ addresses: [ip('10.1.1.1')] }, { addresses: [ip('10.1.0.1')] }, { addresses: [ip('10.1.0.1')], group: 0 }] };
  t.equal(picture(twice), 'bbbbabbbbb');
  t.end();
});

const sizes = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 4, maxLength: 4 });
const weights = fc.array(fc.integer({ min: 0, max: 33 }), { minLength: 3, maxLength: 3 });

t.test("the groups' shares are exact, and within a group they differ by one slot at most", (t) => {
  const property = fc.property(weights, sizes, (weights, sizes) => {
    const groups = groupsOf(4, weighted(weights, ...sizes));
    if (groups.length === 0) return;
    const quotas = exactQuotas(groups).flat();
    const slots = quotas.reduce((sum, quota) => sum + quota.slots, 0);
    assert.ok(slots <= 16_000);
    for (const { weight, members } of groups) {
      const own = quotas.filter(({ address }) => members.some((member) => member.equals(address))).map((quota) => quota.slots);
      assert.equal(own.reduce((sum, each) => sum + each, 0) * totalWeight(groups), slots * weight);
      assert.ok(Math.max(...own) - Math.min(...own) <= 1 && Math.min(...own) >= 1);
    }
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('no rhythm has a longer pause than its share needs, but for some turns', (t) => {
  const property = fc.property(weights, sizes, (weights, sizes) => {
    const groups = groupsOf(4, weighted(weights, ...sizes));
    if (groups.length === 0) return;
    const slots = smoothSlots(exactQuotas(groups)).map(String);
    for (const quota of exactQuotas(groups).flat()) {
      const at = slots.flatMap((slot, index) => (slot === quota.address.toString() ? [index] : []));
      assert.equal(at.length, quota.slots);
      const pauses = at.map((slot, index) => (at[index + 1] ?? slots.length + (at[0] ?? 0)) - slot);
      assert.ok(Math.max(...pauses) <= 2 * Math.ceil(slots.length / quota.slots), `${quota.slots} of ${slots.length}: ${Math.max(...pauses)}`);
    }
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('equal weights and none are the same as ever', (t) => {
  const plain = portOf(service('10.9.0.100', ['80:80/tcp'], ['10.1.0.1', '10.1.0.2', '10.1.0.3']));
  t.same(portOf(weighted([], 3)), plain);
  t.same(portOf(weighted([40], 3, 0)), plain);
  t.end();
});

t.test('of 100,000 connections each provider has its share', (t) => {
  for (const [algorithm, weights, sizes] of [
    ['roundrobin', [10], [1, 3]],
    ['random', [], [7]],
    ['random', [10], [1, 3]],
    ['random', [1, 2, 3], [1, 7, 5, 11]],
    ['source', [], [7]],
    ['source', [10], [1, 3]],
  ] as const) {
    const service = { ...weighted(weights, ...sizes), algorithm };
    const groups = groupsOf(4, service);
    const expected = new Map(groups.flatMap(({ weight, members }) => members.map((member) => [member.toString(), weight / totalWeight(groups) / members.length])));
    const counts = picks(portOf(service), 100_000);
    const deviation = chiSquare(counts, expected);
    // A slot more or less, of a thousand, is no chance but a known deviation of that share.
    const tolerated = algorithm === 'source' ? 100_000 * [...expected.values()].reduce((sum, share) => sum + 0.001 ** 2 / share, 0) : 0;
    t.ok(deviation < chiSquareLimit(expected.size - 1) + tolerated, `${algorithm} ${weights.join()}: ${deviation.toFixed(1)}`);
    if (algorithm === 'roundrobin') t.equal(deviation, 0, 'round robin is exact');
  }
  t.end();
});
