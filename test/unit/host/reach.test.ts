import t from 'tap';
import { obstacleTo, planReach } from '../../../src/host/reach.js';
import { Prefix } from '../../../src/model/address.js';

const routes = (...prefixes: string[]) => prefixes.map((prefix) => ({ prefix: Prefix.parse(prefix), link: 'tun0' }));
const subnet = Prefix.parse('10.1.1.0/24');

t.test('what is in the way of a subnet', (t) => {
  t.equal(obstacleTo(subnet, routes('10.1.0.0/16'), []), 'route 10.1.0.0/16 dev tun0 of this host');
  t.equal(obstacleTo(subnet, routes('10.1.1.7/32'), []), 'route 10.1.1.7/32 dev tun0 of this host');
  t.equal(obstacleTo(subnet, routes('10.1.2.0/24', '2001:db8::/32'), []), undefined);
  t.equal(obstacleTo(subnet, routes('0.0.0.0/1', '128.0.0.0/1'), []), undefined, 'two halves of everything are a default route');
  t.equal(obstacleTo(Prefix.parse('2001:db8:1::/64'), routes('::/1', '8000::/1'), []), undefined);
  t.equal(obstacleTo(subnet, [], [{ tenant: 'blue', networks: [{ network: 'n', prefix: Prefix.parse('10.0.0.0/8') }] }]), '10.0.0.0/8 of network n in tenant blue, which this host reaches, too');
  t.end();
});

t.test('of two tenants with one subnet the first is reached', (t) => {
  const tenants = ['a', 'b'].map((tenant) => ({ tenant, networks: [{ network: 'n', prefix: subnet }] }));
  const plan = planReach(tenants, []);
  t.strictSame(plan.get('a')?.reachable.map(String), ['10.1.1.0/24']);
  t.strictSame(plan.get('b'), { reachable: [], leftOut: ['the host does not reach subnet 10.1.1.0/24 of network n, because it overlaps with 10.1.1.0/24 of network n in tenant a, which this host reaches, too'] });
  t.end();
});
