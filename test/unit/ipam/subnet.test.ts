import t from 'tap';
import { checkSubnet, formatSubnet } from '../../../src/ipam/subnet.js';

t.test('subnets, ranges and gateways that are accepted, and their canonical text', (t) => {
  for (const [family, text, gateway, canonical] of [
    [4, '10.1.1.0/24', undefined, '10.1.1.0/24'],
    [4, '10.1.1.1/24', '10.1.1.254', '10.1.1.0/24'],
    [4, '10.1.1.50-10.1.1.100/24', '10.1.1.254', '10.1.1.50-10.1.1.100/24'],
    [4, '10.1.1.50-10.1.1.50/24', undefined, '10.1.1.50-10.1.1.50/24'],
    [4, '10.1.1.0/31', '10.1.1.0', '10.1.1.0/31'],
    [4, '10.0.0.0/8', undefined, '10.0.0.0/8'],
    [4, '100.1.1.0/24', undefined, '100.1.1.0/24'],
    [6, '2001::/100', undefined, '2001::/100'],
    [6, '2001:DB8::5/64', '2001:db8::1', '2001:db8::/64'],
    [6, '2001:db8::10-2001:db8::20/64', undefined, '2001:db8::10-2001:db8::20/64'],
    [6, '2001:db8::/127', '2001:db8::', '2001:db8::/127'],
  ] as const) {
    const subnet = checkSubnet(family, text, gateway);
    t.equal(formatSubnet(subnet), canonical, text);
    t.equal(subnet.gateway?.toString(), gateway);
    t.same(checkSubnet(family, canonical, gateway), subnet, 'the text reads back');
  }
  t.end();
});

t.test('every prefix length that has room', (t) => {
  for (let length = 8; length <= 31; length++) t.equal(checkSubnet(4, `10.1.1.1/${length}`).prefix.length, length);
  for (let length = 3; length <= 127; length++) t.equal(checkSubnet(6, `2001:db8::/${length}`).prefix.length, length);
  t.equal(checkSubnet(6, '4000::/2').prefix.length, 2);
  t.end();
});

t.test('what is refused says why', (t) => {
  for (const [family, text, gateway, why] of [
    [4, '', undefined, /is not a subnet: write it as/],
    [4, '10.1.1.0', undefined, /is not a subnet/],
    [4, '10.1.1/24', undefined, /is not a subnet/],
    [4, '10.1.1.0/024', undefined, /is not a subnet/],
    [4, '10.1.1.256/24', undefined, /is not a subnet/],
    [4, '10.1.1.1-x/24', undefined, /is not a subnet/],
    [4, '10.1.1.1-/24', undefined, /is not a subnet/],
    [4, '10.1.1.1-10.1.1.2-10.1.1.3/24', undefined, /is not a subnet/],
    [4, '10.0.0.0/7', undefined, /an IPv4 subnet has a length of 8 to 31/],
    [4, '10.1.1.0/33', undefined, /an IPv4 subnet has a length of 8 to 31/],
    [4, '10.1.1.1/32', undefined, /is a single address and has no room/],
    [6, '2001:db8::1/128', undefined, /is a single address and has no room/],
    [6, '2001:db8::/129', undefined, /an IPv6 subnet has a length of 1 to 127/],
    [6, '4000::/0', undefined, /an IPv6 subnet has a length of 1 to 127/],
    [4, '2001:db8::/64', undefined, /is an IPv6 subnet where an IPv4 subnet belongs/],
    [6, '10.1.1.0/24', undefined, /is an IPv4 subnet where an IPv6 subnet belongs/],
    [4, '10.1.1.50-10.1.2.100/24', undefined, /does not lie in one subnet of length 24: 10\.1\.1\.0\/24 ends at 10\.1\.1\.255/],
    [4, '10.1.1.50-2001:db8::1/24', undefined, /does not lie in one subnet/],
    [4, '10.1.1.100-10.1.1.50/24', undefined, /is reversed/],
    [4, '10.1.1.0/24', 'x', /the gateway "x" is not an IP address/],
    [4, '10.1.1.0/24', '10.1.2.1', /the gateway 10\.1\.2\.1 is not in subnet 10\.1\.1\.0\/24/],
    [4, '10.1.1.0/24', '2001:db8::1', /is not in subnet/],
    [4, '10.1.1.0/24', '10.1.1.0', /is the network address of subnet/],
    [4, '10.1.1.0/24', '10.1.1.255', /is the broadcast address of subnet/],
    [6, '2001:db8::/64', '2001:db8::', /is the subnet-router anycast address of subnet/],
    [4, '10.1.1.9-10.1.1.9/24', '10.1.1.9', /no address to give/],
    [4, '10.1.1.0-10.1.1.0/24', undefined, /no address to give/],
    [4, '0.1.0.0/16', undefined, /"this network" addresses/],
    [4, '127.1.0.0/16', undefined, /loopback addresses/],
    [4, '169.254.1.0/24', undefined, /link-local addresses/],
    [4, '169.0.0.0/8', undefined, /link-local addresses/],
    [4, '224.0.0.0/24', undefined, /multicast addresses/],
    [4, '250.0.0.0/8', undefined, /reserved addresses/],
    [6, 'ff02::/64', undefined, /multicast addresses/],
    [6, 'fe80::/64', undefined, /link-local addresses/],
    [6, '::/64', undefined, /loopback address/],
    [6, '::ffff:10.0.0.0/104', undefined, /IPv4-mapped addresses/],
  ] as const) {
    t.throws(() => checkSubnet(family, text, gateway), { code: 'invalid', message: why }, `${text} ${gateway ?? ''}`);
  }
  t.end();
});
