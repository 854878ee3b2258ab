import fc from 'fast-check';
import t from 'tap';
import { AddressPool } from '../../../src/ipam/pool.js';
import { formatAllocated, formatAvailable } from '../../../src/ipam/ranges.js';
import { checkSubnet } from '../../../src/ipam/subnet.js';
import { IpAddress } from '../../../src/model/address.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);
const endpoint = { kind: 'endpoint', id: 'e' } as const;

t.test('allocated and available as endpoints come and go', (t) => {
  const pool = new AddressPool(checkSubnet(4, '10.1.1.0/24'));
  const same = (allocated: string, available: string): void => {
    t.equal(formatAllocated(pool), allocated);
    t.equal(formatAvailable(pool), available);
  };
  same('', '10.1.1.1-10.1.1.254');
  pool.hold(ip('10.1.1.1'), endpoint, 0);
  same('10.1.1.1', '10.1.1.2-10.1.1.254');
  pool.hold(ip('10.1.1.5'), endpoint, 0);
  same('10.1.1.1, 10.1.1.5', '10.1.1.2-10.1.1.4, 10.1.1.6-10.1.1.254');
  pool.hold(ip('10.1.1.7'), endpoint, 0);
  pool.hold(ip('10.1.1.6'), { kind: 'service', name: 's' }, 0);
  same('10.1.1.1, 10.1.1.5-10.1.1.7', '10.1.1.2-10.1.1.4, 10.1.1.8-10.1.1.254');
  for (const last of [1, 5, 6, 7]) pool.hold(ip(`10.1.1.${last}`), { kind: 'resting' }, 1);
  same('', '10.1.1.1-10.1.1.254');
  t.end();
});

t.test('the gateway is in neither list', (t) => {
  for (const [text, gateway, available] of [
    ['10.1.1.0/24', '10.1.1.254', '10.1.1.1-10.1.1.253'],
    ['10.1.1.0/24', '10.1.1.9', '10.1.1.1-10.1.1.8, 10.1.1.10-10.1.1.254'],
    ['10.1.1.10-10.1.1.12/24', '10.1.1.254', '10.1.1.10-10.1.1.12'],
    ['10.1.1.0/31', '10.1.1.0', '10.1.1.1'],
  ] as const) {
    const pool = new AddressPool(checkSubnet(4, text, gateway));
    pool.hold(ip(gateway), { kind: 'gateway' }, 0);
    t.equal(formatAllocated(pool), '', text);
    t.equal(formatAvailable(pool), available, text);
  }
  t.end();
});

t.test('pools too large to enumerate', (t) => {
  const large = new AddressPool(checkSubnet(4, '10.0.0.0/8'));
  t.equal(formatAvailable(large), '10.0.0.1-10.255.255.254');
  const larger = new AddressPool(checkSubnet(6, '2001:db8::/64', '2001:db8::1'));
  larger.hold(ip('2001:db8::2'), endpoint, 0);
  t.equal(formatAllocated(larger), '2001:db8::2');
  t.equal(formatAvailable(larger), '2001:db8::3-2001:db8::ffff:ffff:ffff:ffff');
  t.end();
});

t.test('every address that can be given is in exactly one of the two lists', (t) => {
  const expand = (text: string): number[] =>
    text === ''
      ? []
      : text.split(', ').flatMap((range) => {
          const [first, last] = range.split('-').map((address) => Number(address.split('.')[3]));
          return Array.from({ length: (last ?? first ?? 0) - (first ?? 0) + 1 }, (_, index) => (first ?? 0) + index);
        });
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 62 })), (held) => {
      const pool = new AddressPool(checkSubnet(4, '10.1.1.0/26', '10.1.1.20'));
      const owned = held.filter((last) => last !== 20);
      for (const last of owned) pool.hold(ip(`10.1.1.${last}`), endpoint, 0);
      const all = Array.from({ length: 62 }, (_, index) => index + 1).filter((last) => last !== 20);
      t.same(expand(formatAllocated(pool)), owned.sort((a, b) => a - b));
      t.same(expand(formatAvailable(pool)), all.filter((last) => !owned.includes(last)));
    }),
    { numRuns: 50 },
  );
  t.end();
});
