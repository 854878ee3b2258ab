import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { defaultUplinkRanges, uplinkLink } from '../../../src/fabric/uplink.js';
import type { HostUplink } from '../../../src/host/input.js';
import { planHost } from '../../../src/host/plan.js';
import { dockerBridges } from '../../../src/host/reach.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { holds } from '../fabric/arbitraries.js';
import { hostInput } from './arbitraries.js';

const blue: HostUplink = {
  link: uplinkLink({ host: 'h1', tenant: 'blue', index: 0 }, defaultUplinkRanges),
  subnets: [Prefix.parse('10.1.0.0/24'), Prefix.parse('10.2.0.0/24')],
  reachable: [Prefix.parse('10.1.0.0/24')],
  publications: [],
};
const dual: HostUplink = { ...blue, subnets: [...blue.subnets, Prefix.parse('fd00:1::/64')], reachable: [Prefix.parse('fd00:1::/64')] };

t.test('without uplinks nothing is held', (t) => {
  const { accepts, rules, ...maps } = planHost({ uplinks: [] });
  t.same(Object.values(maps).map(({ size }) => size), [0, 0, 0, 0, 0]);
  t.same([...accepts.values()], [false, false, false, false]);
  t.equal(rules, undefined);
  t.end();
});

t.test('an uplink of a tenant with IPv4 networks', (t) => {
  const plan = planHost({ uplinks: [blue] });
  t.same(JSON.parse(JSON.stringify([...plan.links.values()])), [{ name: 'nu-0', mac: '02:03:00:00:00:00', up: true }]);
  t.same([...plan.addresses.keys()], ['nu-0 169.254.240.0/31']);
  t.same(JSON.parse(JSON.stringify([...plan.neighbours.values()])), [{ link: 'nu-0', address: '169.254.240.1', mac: '02:03:00:00:00:01' }]);
  t.same(JSON.parse(JSON.stringify([...plan.routes.values()])), [{ kind: 'subnet', prefix: '10.1.0.0/24', link: 'nu-0', via: '169.254.240.1', source: '169.254.240.0' }]);
  t.same([...plan.settings], [['ipv4/ip_forward', '1'], ['ipv4/conf/nu-0/route_localnet', '1']]);
  t.same([...plan.accepts].filter(([, present]) => present).map(([accept]) => accept), ['4 in', '4 out']);
  t.end();
});

t.test('with an IPv6 network it has IPv6', (t) => {
  const plan = planHost({ uplinks: [dual] });
  t.same([...plan.addresses.keys()], ['nu-0 169.254.240.0/31', 'nu-0 fd6e:6574:6374:6c::/127']);
  t.same([...plan.routes.keys()], ['::1/128 nu-0', 'fd00:1::/64 nu-0']);
  t.equal(plan.settings.get('ipv6/conf/all/forwarding'), '1');
  t.same([...plan.accepts.values()], [true, true, true, true]);
  t.end();
});

t.test("Docker's own networks are known by their links", (t) => {
  const routes = ['docker0', 'br-b65454353d56', 'br-b65454353d56', 'br-lan', 'br-ex', 'eth0'].map((link) => ({ link, prefix: Prefix.parse('172.18.0.0/16') }));
  t.same(dockerBridges(routes), ['docker0', 'br-b65454353d56']);
  t.match(planHost({ uplinks: [blue], dockerBridges: dockerBridges(routes) }).rules, /set bridges \{\n +type ifname\n +elements = \{ br-b65454353d56, docker0, docker_gwbridge \}/);
  t.end();
});

/** The elements of a set or map of the table. */
function elements(uplinks: readonly HostUplink[], name: string): string[] {
  const { rules = '' } = planHost({ uplinks });
  const found = new RegExp(`(?:set|map) ${name} \\{[^}]*elements = \\{ ([^}]*) \\}`).exec(rules);
  return found?.[1]?.split(', ') ?? [];
}

t.test('publications are elements, of the families that they have', (t) => {
  const at = (text: string): { hostIp: IpAddress } => ({ hostIp: IpAddress.parse(text) });
  const uplink: HostUplink = {
    ...dual,
    publications: [
      { protocol: 'tcp', hostPort: 80, routerPort: 1, families: [4, 6] },
      { protocol: 'udp', hostPort: 80, routerPort: 1, families: [4] },
      { protocol: 'tcp', hostPort: 81, routerPort: 2, families: [4, 6], ...at('127.0.0.1') },
      { protocol: 'tcp', hostPort: 81, routerPort: 3, families: [4, 6], ...at('::1') },
      { protocol: 'tcp', hostPort: 82, routerPort: 4, families: [6], ...at('127.0.0.1') },
    ],
  };
  t.same(elements([uplink], 'ports4'), ['tcp . 80 : 169.254.240.1 . 1', 'udp . 80 : 169.254.240.1 . 1']);
  t.same(elements([uplink], 'ports6'), ['tcp . 80 : fd6e:6574:6374:6c::1 . 1']);
  t.same(elements([uplink], 'addresses4'), ['127.0.0.1 . tcp . 81 : 169.254.240.1 . 2']);
  t.same(elements([uplink], 'addresses6'), ['::1 . tcp . 81 : fd6e:6574:6374:6c::1 . 3']);
  t.same(elements([uplink], 'subnets4'), ['nu-0 . 10.1.0.0/24', 'nu-0 . 10.2.0.0/24']);
  t.same(elements([uplink], 'sources6'), ['nu-0 . fd6e:6574:6374:6c::1']);
  t.end();
});

t.test('VXLAN is taken from the hosts that are known, and from nobody where there are none', (t) => {
  const overlay = { port: 4790, encryptedPort: 4791, hosts: ['192.0.2.2', '192.0.2.1', '2001:db8::1'].map((text) => IpAddress.parse(text)) };
  const { rules = '', links } = planHost({ uplinks: [], overlay });
  t.equal(links.size, 0);
  t.match(rules, /set hosts4 \{\n +type ipv4_addr\n +elements = \{ 192\.0\.2\.1, 192\.0\.2\.2 \}\n/);
  t.match(rules, /set hosts6 \{\n +type ipv6_addr\n +elements = \{ 2001:db8::1 \}\n/);
  t.match(rules, /udp dport != 4790 accept .*\n.*@hosts4 accept .*\n.*@hosts6 accept .*\n.*counter drop /);
  t.match(rules, /hook input .*\n +udp dport != 4791 accept .*\n +iifname "netctl-wg\*" accept .*\n +meta l4proto udp counter drop /);
  t.match(rules, /hook output .*\n +udp dport != 4791 accept .*\n +oifname "netctl-wg\*" accept .*\n +meta l4proto udp counter drop /);
  t.match(rules, /hook forward .*\n +iifname "netctl-wg\*" counter drop .*\n +oifname "netctl-wg\*" counter drop /);
  t.notMatch(planHost({ uplinks: [blue] }).rules, /udp dport|hosts4/);
  t.match(rules, /hook prerouting priority -300.*\n +udp dport 4790 iifname != @bridges ip saddr @hosts4 notrack .*\n.*ip6 saddr @hosts6 notrack .*\n +udp dport 4791 iifname "netctl-wg\*" notrack /);
  t.match(rules, /hook output priority -300.*\n +udp dport 4790 ip daddr @hosts4 notrack .*\n.*ip6 daddr @hosts6 notrack .*\n +udp dport 4791 notrack /);
  t.end();
});

t.test('VXLAN of containers is neither taken nor let through to the other hosts', (t) => {
  const overlay = { port: 4790, encryptedPort: 4791, hosts: [IpAddress.parse('192.0.2.1')] };
  const { rules = '' } = planHost({ uplinks: [blue], overlay });
  t.match(rules, /hook input .*\n +udp dport != 4790 accept .*\n +iifname != @bridges ip saddr @hosts4 accept /);
  t.match(rules, /hook forward .*\n +udp dport 4790 iifname @bridges ip daddr @hosts4 counter drop .*\n +udp dport 4790 ip saddr != @hosts4 ip daddr @hosts4 counter drop /);
  t.end();
});

t.test('the order of the input does not matter', (t) => {
  const plain = (plan: ReturnType<typeof planHost>): unknown => JSON.parse(JSON.stringify([[...plan.links], [...plan.addresses], [...plan.settings], plan.rules]));
  holds(
    t,
    fc.property(hostInput, ({ uplinks, overlay }) => {
      const turned = uplinks.toReversed().map((uplink) => ({ ...uplink, publications: uplink.publications.toReversed() }));
      const other = overlay ? { overlay: { ...overlay, hosts: overlay.hosts.toReversed() } } : {};
      return isDeepStrictEqual(plain(planHost({ uplinks: turned, ...other })), plain(planHost({ uplinks, ...(overlay ? { overlay } : {}) })));
    }),
  );
  t.end();
});
