import t from 'tap';
import { checkOverlap, findOverlap } from '../../../src/ipam/overlap.js';
import { checkSubnet } from '../../../src/ipam/subnet.js';
import type { Network } from '../../../src/model/network.js';

const network = (tenant: string, name: string, ipv4?: string, ipv6?: string): Network => ({
  tenant,
  name,
  vni: 1,
  ...(ipv4 !== undefined && { ipv4: checkSubnet(4, ipv4) }),
  ...(ipv6 !== undefined && { ipv6: checkSubnet(6, ipv6) }),
});

const existing = [
  network('default', 'a', '10.1.1.0/24'),
  network('default', 'b', '10.2.0.0/16', '2001:db8:1::/64'),
  network('blue', 'c', '10.3.0.0/16'),
  network('default', 'd', '10.4.1.10-10.4.1.20/24'),
];

t.test('overlaps within a tenant are found, whichever is the larger', (t) => {
  for (const [ipv4, ipv6, expected] of [
    ['10.1.1.0/24', undefined, ['10.1.1.0/24', '10.1.1.0/24', 'a']],
    ['10.1.1.128/25', undefined, ['10.1.1.128/25', '10.1.1.0/24', 'a']],
    ['10.0.0.0/8', undefined, ['10.0.0.0/8', '10.1.1.0/24', 'a']],
    ['10.2.3.0/24', undefined, ['10.2.3.0/24', '10.2.0.0/16', 'b']],
    ['11.0.0.0/8', '2001:db8:1::/80', ['2001:db8:1::/80', '2001:db8:1::/64', 'b']],
    ['10.4.1.30-10.4.1.40/24', undefined, ['10.4.1.0/24', '10.4.1.0/24', 'd']],
    ['10.3.0.0/16', undefined, undefined],
    ['10.1.2.0/24', '2001:db8:2::/64', undefined],
  ] as const) {
    const found = findOverlap(network('default', 'new', ipv4, ipv6), existing);
    t.same(found && [found.subnet.toString(), found.other.toString(), found.network], expected, ipv4);
  }
  t.end();
});

t.test('a network does not overlap with itself', (t) => {
  t.equal(findOverlap(network('default', 'a', '10.1.1.0/24'), existing), undefined);
  t.end();
});

t.test('the refusal names both', (t) => {
  t.throws(() => checkOverlap(network('default', 'new', '10.1.1.0/25'), existing), {
    code: 'conflict',
    message: 'subnet 10.1.1.0/25 overlaps with 10.1.1.0/24 of network a in tenant default: use another subnet, or another tenant',
  });
  t.doesNotThrow(() => checkOverlap(network('default', 'new', '10.1.2.0/24'), existing));
  t.end();
});
