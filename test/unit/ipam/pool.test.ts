import fc from 'fast-check';
import t from 'tap';
import { AddressPool } from '../../../src/ipam/pool.js';
import { givableSpans } from '../../../src/ipam/givable.js';
import { checkSubnet } from '../../../src/ipam/subnet.js';
import { IpAddress } from '../../../src/model/address.js';
import type { Allocation, Owner } from '../../../src/model/allocation.js';
import type { Subnet } from '../../../src/model/network.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);
const service: Owner = { kind: 'service', name: 's' };
const resting: Owner = { kind: 'resting' };

function addressesOf(subnet: Subnet): string[] {
  return givableSpans(subnet).flatMap(({ first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, index) => IpAddress.fromValue(subnet.prefix.family, first + BigInt(index)).toString()),
  );
}

t.test('only what a host can have is given out', (t) => {
  for (const [family, text, gateway, expected] of [
    [4, '10.1.1.0/30', undefined, ['10.1.1.1', '10.1.1.2']],
    [4, '10.1.1.0/31', undefined, ['10.1.1.0', '10.1.1.1']],
    [4, '10.1.1.0/31', '10.1.1.0', ['10.1.1.1']],
    [4, '10.1.1.0/29', '10.1.1.3', ['10.1.1.1', '10.1.1.2', '10.1.1.4', '10.1.1.5', '10.1.1.6']],
    [4, '10.1.1.0/30', '10.1.1.1', ['10.1.1.2']],
    [4, '10.1.1.4-10.1.1.6/24', '10.1.1.5', ['10.1.1.4', '10.1.1.6']],
    [4, '10.1.1.4-10.1.1.6/24', '10.1.1.254', ['10.1.1.4', '10.1.1.5', '10.1.1.6']],
    [4, '10.1.1.0-10.1.1.1/24', undefined, ['10.1.1.1']],
    [4, '10.1.1.254-10.1.1.255/24', undefined, ['10.1.1.254']],
    [6, '2001:db8::/126', undefined, ['2001:db8::1', '2001:db8::2', '2001:db8::3']],
    [6, '2001:db8::/126', '2001:db8::3', ['2001:db8::1', '2001:db8::2']],
    [6, '2001:db8::/127', undefined, ['2001:db8::', '2001:db8::1']],
  ] as const) {
    t.same(addressesOf(checkSubnet(family, text, gateway)), expected, text);
  }
  t.end();
});

t.test('lowest free first, in pools of any size', (t) => {
  for (const [family, text, first, second] of [
    [4, '10.0.0.0/8', '10.0.0.1', '10.0.0.2'],
    [6, '2001:db8::/64', '2001:db8::1', '2001:db8::2'],
  ] as const) {
    const pool = new AddressPool(checkSubnet(family, text));
    t.equal(pool.next(0, 0, 1)[0]?.toString(), first);
    t.equal(pool.next(0, 0, 1)[0]?.toString(), first, 'asking holds nothing');
    pool.hold(ip(first), service, 0);
    t.equal(pool.next(0, 0, 1)[0]?.toString(), second);
    pool.hold(ip(second), service, 0);
    pool.free(ip(first));
    t.equal(pool.next(0, 0, 1)[0]?.toString(), first);
  }
  t.end();
});

t.test('a released address rests while others are free', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/29', '10.1.1.6'));
  for (const last of [1, 2, 3, 4]) pool.hold(ip(`10.1.1.${last}`), service, 0);
  pool.hold(ip('10.1.1.2'), resting, 1000);
  pool.hold(ip('10.1.1.1'), resting, 2000);
  const next = (now: number): string | undefined => pool.next(now, 500, 1)[0]?.toString();
  t.equal(next(1100), '10.1.1.5', 'another one is free');
  t.equal(next(1500), '10.1.1.2', 'it has rested');
  t.equal(next(2500), '10.1.1.1', 'both have rested: the lowest');
  t.equal(next(1500), '10.1.1.2', 'the clock went back');
  t.equal(next(1100), '10.1.1.5', 'and further');
  pool.hold(ip('10.1.1.5'), service, 1100);
  t.equal(next(1100), '10.1.1.2', 'only resting ones are left: the one that rests longest');
  pool.hold(ip('10.1.1.2'), service, 1100);
  t.equal(next(1100), '10.1.1.1');
  pool.hold(ip('10.1.1.1'), service, 1100);
  t.equal(next(1100), undefined);
  t.end();
});

t.test('those of the upper half first', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/29', '10.1.1.6'));
  const next = (most: number): string => pool.next(0, 1000, most, 'upper').join();
  t.equal(next(9), '10.1.1.4,10.1.1.5');
  pool.hold(ip('10.1.1.4'), service, 0);
  t.equal(next(1), '10.1.1.5');
  pool.hold(ip('10.1.1.5'), resting, 0);
  t.equal(next(2), '10.1.1.1,10.1.1.2', 'a resting one is not free');
  const ranged = new AddressPool(checkSubnet(4, '10.1.1.2-10.1.1.3/29'));
  t.equal(ranged.next(0, 1000, 1, 'upper').join(), '10.1.1.2', 'the range is all in the lower half');
  t.end();
});

t.test('an address of another subnet cannot be held', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/24'));
  t.throws(() => pool.hold(ip('10.1.2.1'), service, 0), RangeError);
  t.throws(() => pool.hold(ip('2001:db8::1'), service, 0), RangeError);
  t.equal(pool.holder(ip('2001:db8::1')), undefined);
  t.equal(pool.isGivable(ip('2001:db8::1')), false);
  pool.free(ip('10.1.2.1'));
  t.end();
});

t.test('the holder is the last one set', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/24'));
  pool.hold(ip('10.1.1.1'), { kind: 'request', host: 'h1' }, 1);
  pool.hold(ip('10.1.1.1'), service, 2);
  t.same(pool.holder(ip('10.1.1.1')), { owner: service, since: 2 });
  pool.free(ip('10.1.1.1'));
  t.equal(pool.holder(ip('10.1.1.1')), undefined);
  t.end();
});

/** The rule, word by word, over the whole content. */
function naiveNext(subnet: Subnet, held: ReadonlyMap<string, Allocation>, now: number, restMs: number, most: number): string[] {
  const candidates = addressesOf(subnet);
  const free = candidates.filter((address) => {
    const allocation = held.get(address);
    return !allocation || (allocation.owner.kind === 'resting' && allocation.since + restMs <= now);
  });
  if (free.length > 0) return free.slice(0, most);
  const left = candidates.filter((address) => held.get(address)?.owner.kind === 'resting');
  return left.sort((a, b) => (held.get(a)?.since ?? 0) - (held.get(b)?.since ?? 0)).slice(0, most);
}

const subnets = [
  checkSubnet(4, '10.1.1.0/29', '10.1.1.3'),
  checkSubnet(4, '10.1.1.0/28'),
  checkSubnet(4, '10.1.1.2-10.1.1.6/28', '10.1.1.1'),
  checkSubnet(4, '10.1.1.0/31'),
  checkSubnet(6, '2001:db8::/125', '2001:db8::7'),
];
const step = fc.record({
  offset: fc.integer({ min: 0, max: 15 }),
  action: fc.constantFrom('hold', 'hold', 'rest', 'rest', 'free', 'gateway'),
  // Few moments, so that many of them are the same.
  since: fc.integer({ min: 0, max: 4 }),
  now: fc.integer({ min: 0, max: 6 }),
  restMs: fc.integer({ min: 0, max: 4 }),
  most: fc.integer({ min: 1, max: 5 }),
});

t.test('the pool agrees with the naive model after every step, and with a pool made from its content', (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...subnets), fc.array(step, { maxLength: 60 }), (subnet, steps) => {
      const pool = new AddressPool(subnet);
      const held = new Map<string, Allocation>();
      for (const { offset, action, since, now, restMs, most } of steps) {
        const address = subnet.prefix.first.plus(BigInt(offset) % subnet.prefix.size);
        const key = address.toString();
        if (action === 'free') {
          pool.free(address);
          held.delete(key);
        } else {
          const owner: Owner = action === 'rest' ? resting : action === 'gateway' ? { kind: 'gateway' } : service;
          pool.hold(address, owner, since);
          held.set(key, { tenant: 't', network: 'n', address, owner, since });
        }
        const expected = naiveNext(subnet, held, now, restMs, most);
        if (pool.next(now, restMs, most).join() !== expected.join()) return false;
        const made = AddressPool.of(subnet, [...held.values()].reverse());
        if (made.next(now, restMs, most).join() !== expected.join()) return false;
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.pass('500 runs');
  t.end();
});

t.test('allotting 20,000 addresses one by one, and releasing every other one, is quick', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.0.0.0/8'));
  const started = process.hrtime.bigint();
  for (let count = 0; count < 20_000; count++) {
    const [address] = pool.next(count, 1000, 1);
    if (!address) throw new Error('exhausted');
    pool.hold(address, service, count);
  }
  for (let offset = 1n; offset < 20_000n; offset += 2n) {
    pool.hold(ip('10.0.0.0').plus(offset), resting, 20_000 + Number(offset));
    pool.next(20_000 + Number(offset), 5000, 1);
  }
  const elapsedMs = Number(process.hrtime.bigint() - started) / 1e6;
  // It takes some 60 ms; searching the pool from its start for each would take minutes.
  t.ok(elapsedMs < 5000, `${elapsedMs.toFixed(0)} ms`);
  t.end();
});
