import t from 'tap';
import { dockerSubnet, usualGateway } from '../../../src/ipam/docker-subnet.js';
import { formatSubnet } from '../../../src/ipam/subnet.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';

function subnet(prefix: string, range?: string, gateway?: string): string {
  const decoded = dockerSubnet({ prefix: Prefix.parse(prefix), ...(range && { range: Prefix.parse(range) }), ...(gateway && { gateway: IpAddress.parse(gateway) }) });
  return [formatSubnet(decoded), ...(decoded.gateway ? [decoded.gateway.toString()] : [])].join(' ');
}

t.test("Docker's subnet, range and gateway as a subnet of netctl", (t) => {
  t.equal(subnet('10.5.0.0/24'), '10.5.0.0/24');
  t.equal(subnet('10.5.0.0/24', '10.5.0.128/25', '10.5.0.9'), '10.5.0.128-10.5.0.255/24 10.5.0.9');
  t.equal(subnet('10.5.0.0/24', '10.5.0.0/24'), '10.5.0.0/24', 'a range that is the whole is none');
  t.equal(subnet('2001:db8::/64', '2001:db8::/80', '2001:db8::1'), '2001:db8::-2001:db8::ffff:ffff:ffff/64 2001:db8::1');
  t.end();
});

t.test('what no network of netctl can have is refused', (t) => {
  t.throws(() => subnet('10.5.0.0/24', '10.6.0.0/25'), { code: 'invalid', message: 'the range 10.6.0.0/25 is not in subnet 10.5.0.0/24' });
  t.throws(() => subnet('10.5.0.0/24', '10.5.0.0/16'), { code: 'invalid', message: /is not in subnet/ });
  t.throws(() => subnet('10.5.0.0/32'), { code: 'invalid', message: /single address/ });
  t.throws(() => subnet('169.254.0.0/16'), { code: 'invalid', message: /link-local/ });
  t.throws(() => subnet('10.5.0.0/24', undefined, '10.6.0.1'), { code: 'invalid', message: /is not in subnet/ });
  t.throws(() => subnet('10.5.0.0/24', undefined, '10.5.0.255'), { code: 'invalid', message: /broadcast address/ });
  t.end();
});

t.test('the gateway that nobody named is the first address of a host', (t) => {
  for (const [prefix, gateway] of [['10.5.0.0/24', '10.5.0.1'], ['10.5.0.4/31', '10.5.0.4'], ['2001:db8::/64', '2001:db8::1'], ['2001:db8::2/127', '2001:db8::2']] as const) {
    t.equal(usualGateway(Prefix.parse(prefix)).toString(), gateway);
  }
  t.end();
});
