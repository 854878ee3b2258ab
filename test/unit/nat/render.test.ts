import t from 'tap';
import { diffNat } from '../../../src/nat/diff.js';
import { planNat } from '../../../src/nat/plan.js';
import { renderChange, renderChanges, renderReplacement, renderTable } from '../../../src/nat/render.js';
import { baseChains, versionChain } from '../../../src/nat/rules.js';
import { emptyNat } from '../../../src/nat/state.js';
import { network, service } from './arbitraries.js';

t.test('the constant rules', (t) => {
  t.equal(
    renderTable('ip'),
    `table ip netctl {
  map services { type ipv4_addr . inet_proto . inet_service : mark; }
  map balancers { type mark : verdict; }
  map slots { type ipv4_addr . inet_proto . inet_service . mark : ipv4_addr . inet_service; }
  set service_ips { type ipv4_addr; }
  map legs { type ipv4_addr . inet_proto . inet_service . ipv4_addr : mark; counter; }
  set traffic { type mark . ct_dir; counter; }
  map hairpin { type ipv4_addr . ipv4_addr : ipv4_addr; }
  set segments { type ifname . ifname; }
  set routed { type ifname . ifname; }
  chain ${versionChain('ip')} { }
  chain translate {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local fib saddr . iif oif missing drop comment "with a source of another network"
    meta mark set ip daddr . meta l4proto . th dport map @services meta mark vmap @balancers comment "to a service port: balance it"
  }
  chain refuse {
    type filter hook input priority 0; policy accept;
    ip daddr != @service_ips accept comment "not, or no longer, to a service IP"
    ct state invalid drop comment "of a connection that is not known"
    icmp type echo-request accept comment "the router itself is meant"
    meta l4proto tcp reject with tcp reset comment "no such port, or no provider"
    reject with icmp port-unreachable comment "no such port, or no provider"
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct mark != 0 ct mark . ct direction @traffic accept comment "through a service: count it"
    ct state established,related accept comment "of a connection that was let through"
    ct state invalid tcp flags & (fin | syn | rst) == fin ether daddr & ff:ff:ff:00:00:00 != 02:01:00:00:00:00 meta iifname . meta oifname @segments accept comment "the end of a connection from before its network had rules"
    ct state invalid drop comment "of a connection that is not known"
    tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu comment "no segments larger than the way takes"
    ct status dnat meta oifname != "uplink" accept comment "through a service"
    ether daddr & ff:ff:ff:00:00:00 != 02:01:00:00:00:00 meta iifname . meta oifname @segments accept comment "from port to port of a network"
    meta oifname "uplink" fib saddr . iif oif missing drop comment "out, with a source of another network"
    ct status dnat drop comment "through a service, and out again"
    meta iifname . meta oifname @routed accept comment "between a network and the uplink"
  }
  chain hairpin {
    type nat hook postrouting priority 100; policy accept;
    meta mark set 0 comment "the slot number is no longer needed"
    ct status dnat meta l4proto { tcp, udp } ct mark set ct original ip daddr . meta l4proto . ct original proto-dst . ip daddr map @legs comment "a new connection through a service: count it"
    snat ip to ip saddr . ip daddr map @hairpin comment "from a provider to itself"
    meta oifname "uplink" masquerade comment "out: the host sees one address of each tenant"
  }
}
`,
  );
  t.match(versionChain('ip'), /^version_[0-9a-f]{8}$/);
  t.not(versionChain('ip'), versionChain('ip6'), 'the version is that of the text');
  t.same(baseChains('ip6').map(({ rules }) => rules.length), baseChains('ip').map(({ rules }) => rules.length), 'both families have one shape');
  t.end();
});

const networks = [network('br1', ['10.1.0.0/24', '10.1.0.254'])];
const before = planNat({ networks, services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.1'])] });

t.test('a change: chains, deletions, additions', (t) => {
  const after = planNat({ networks: [], services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.1', '10.1.0.2'])] }, before);
  t.equal(
    renderChange('ip', diffNat(after, before).ip),
    `create chain ip netctl balance_2_0
add rule ip netctl balance_2_0 meta mark set numgen inc mod 2 comment "the next slot"
add rule ip netctl balance_2_0 dnat ip to ip daddr . meta l4proto . th dport . meta mark map @slots comment "its provider"
delete element ip netctl services { 10.1.0.100 . tcp . 80 : 256 }
delete element ip netctl hairpin { 10.1.0.1 . 10.1.0.1 : 10.1.0.254 }
delete element ip netctl segments { "br1" . "br1" }
add element ip netctl services { 10.1.0.100 . tcp . 80 : 512 }
add element ip netctl balancers { 512 : goto balance_2_0 }
add element ip netctl slots { 10.1.0.100 . tcp . 80 . 1 : 10.1.0.2 . 8080 }
add element ip netctl legs { 10.1.0.100 . tcp . 80 . 10.1.0.2 : 4104145170 }
add element ip netctl traffic { 4104145170 . original, 4104145170 . reply }
`,
  );
  t.equal(renderChange('ip', { chains: [], deletes: [], adds: [], unused: [{ algorithm: 'roundrobin', slots: 3, turn: 1 }] }), 'flush chain ip netctl balance_3_1\ndelete chain ip netctl balance_3_1\n');
  t.equal(renderChanges(diffNat(after, after)), '', 'nothing for nothing');
  t.end();
});

t.test('a replacement deletes what may be there first', (t) => {
  t.equal(
    renderReplacement(before),
    ['ip', 'ip6']
      .map((family) => `table ${family} netctl { }\ndelete table ${family} netctl\n`)
      .map((head, index) => head + (index === 0 ? renderTable('ip') + renderChange('ip', diffNat(before, emptyNat).ip) : renderTable('ip6') + renderChange('ip6', diffNat(before, emptyNat).ip6)))
      .join(''),
  );
  t.end();
});

t.test('commands are bounded', (t) => {
  const services = Array.from({ length: 1_200 }, (_, index) => service(`10.2.${index >> 8}.${index & 255}`, [], []));
  const lines = renderChange('ip', diffNat(planNat({ networks, services }), emptyNat).ip).split('\n');
  t.same(lines.map((line) => line.split(', ').length), [500, 500, 200, 1, 1]);
  t.end();
});
