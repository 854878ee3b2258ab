import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { planFabric } from '../../../src/fabric/plan.js';
import type { FabricOverlay } from '../../../src/fabric/state.js';
import { defaultUplinkRanges, uplinkLink } from '../../../src/fabric/uplink.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';
import { comparable, endpointId, fabricInput, holds } from './arbitraries.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);
const mac = Mac.parse('02:02:0a:01:00:01');

t.test('a network with gateways, one without, an endpoint, and service addresses', (t) => {
  const plan = planFabric({
    networks: [
      { vni: 7, subnets: [{ prefix: Prefix.parse('10.1.0.0/24'), gateway: ip('10.1.0.254') }, { prefix: Prefix.parse('fd00::/64'), gateway: ip('fd00::1') }] },
      { vni: 8, subnets: [{ prefix: Prefix.parse('10.2.0.0/24') }], netfilter: true },
    ],
    endpoints: [{ id: endpointId(1), vni: 7, addresses: [ip('10.1.0.1'), ip('fd00::2')], mac }],
    serviceAddresses: [ip('10.2.0.9'), ip('fd00::9')],
  });
  const port = 'vr-000000000001';
  t.same([...plan.links.values()], [
    { kind: 'bridge', name: 'br7', mac: Mac.parse('02:01:00:00:00:07'), mtu: 1500, netfilter: false, up: true },
    { kind: 'bridge', name: 'br8', mac: Mac.parse('02:01:00:00:00:08'), mtu: 1500, netfilter: true, up: true },
    { kind: 'port', name: port, bridge: 'br7', hairpin: true, mtu: 1500, up: true, peer: { name: 'vc-000000000001', mac, mtu: 1500 } },
  ]);
  t.same([...plan.addresses.keys()], ['br7 10.1.0.254/24', 'br7 fd00::1/64', 'br7 fd00::9/128']);
  t.same([...plan.routes.keys()], ['segment 10.2.0.0/24 br8', 'service 10.2.0.9/32 lo']);
  t.same([...plan.neighbours.values()], [
    { link: 'br7', address: ip('10.1.0.1'), mac },
    { link: 'br7', address: ip('fd00::2'), mac },
  ]);
  t.end();
});

t.test('an endpoint without its network is left out', (t) => {
  const plan = planFabric({ networks: [], endpoints: [{ id: endpointId(1), vni: 7, addresses: [ip('10.1.0.1')], mac }], serviceAddresses: [] });
  t.same(comparable(plan), { links: [], addresses: [], routes: [], neighbours: [], fdb: [] });
  t.end();
});

t.test('an IPv6 service address of no network is taken like an IPv4 one', (t) => {
  const plan = planFabric({ networks: [{ vni: 7, subnets: [{ prefix: Prefix.parse('fd00::/64') }] }], endpoints: [], serviceAddresses: [ip('fd01::9')] });
  t.same([...plan.addresses.keys()], []);
  t.same([...plan.routes.keys()], ['segment fd00::/64 br7', 'service fd01::9/128 lo']);
  t.end();
});

t.test('an uplink has the families of the networks', (t) => {
  const uplink = uplinkLink({ host: 'h1', tenant: 'blue', index: 2 }, defaultUplinkRanges);
  const planned = (...subnets: string[]): string[] => {
    const plan = planFabric({ networks: [{ vni: 7, subnets: subnets.map((text) => ({ prefix: Prefix.parse(text), gateway: Prefix.parse(text).last })) }], endpoints: [], serviceAddresses: [], uplink });
    return [...plan.addresses.keys(), ...plan.routes.keys(), ...plan.neighbours.keys()].filter((key) => key.includes('uplink'));
  };
  const ipv4 = ['uplink 169.254.240.5/31', 'default 0.0.0.0/0 uplink via 169.254.240.4', 'uplink 169.254.240.4'];
  const ipv6 = ['uplink fd6e:6574:6374:6c::5/127', 'default ::/0 uplink via fd6e:6574:6374:6c::4', 'uplink fd6e:6574:6374:6c::4'];
  t.same(planned('10.1.0.0/24'), ipv4);
  t.same(planned('fd00::/64'), ipv6);
  t.same(new Set(planned('10.1.0.0/24', 'fd00::/64')), new Set([...ipv4, ...ipv6]));
  t.end();
});

const overlay: FabricOverlay = {
  local: ip('192.0.2.1'),
  port: 4789,
  mtu: 1450,
  remotes: [
    { vni: 7, addresses: [ip('10.1.0.2'), ip('fd00::2')], mac: Mac.parse('02:02:0a:01:00:02'), underlay: ip('192.0.2.2') },
    { vni: 7, addresses: [ip('10.1.0.3')], mac: Mac.parse('02:02:0a:01:00:03'), underlay: ip('192.0.2.2') },
    { vni: 9, addresses: [ip('10.9.0.3')], mac: Mac.parse('02:02:0a:09:00:03'), underlay: ip('192.0.2.2') },
  ],
};
const overlaid = {
  networks: [
    { vni: 7, subnets: [{ prefix: Prefix.parse('10.1.0.0/24') }, { prefix: Prefix.parse('fd00::/64') }] },
    { vni: 8, subnets: [{ prefix: Prefix.parse('10.2.0.0/24') }] },
  ],
  endpoints: [{ id: endpointId(1), vni: 7, addresses: [ip('10.1.0.1')], mac }],
  serviceAddresses: [ip('10.2.0.9'), ip('172.16.0.1'), ip('fd00::9')],
};

t.test('segments that go on at other hosts', (t) => {
  const plan = planFabric({ ...overlaid, overlay });
  const common = { kind: 'vxlan', local: ip('192.0.2.1'), port: 4789, mtu: 1450, suppressing: true, up: true };
  t.same([plan.links.get('vx7'), plan.links.get('vx8')], [{ ...common, name: 'vx7', vni: 7, bridge: 'br7' }, { ...common, name: 'vx8', vni: 8, bridge: 'br8' }]);
  const mtus = [...plan.links.values()].flatMap((link) => (link.kind === 'uplink' ? [] : [link.mtu, ...(link.kind === 'port' ? [link.peer?.mtu] : [])]));
  t.same(mtus, [1450, 1450, 1450, 1450, 1450, 1450], 'every link of every segment has the MTU of the overlay');
  t.same([...plan.neighbours].map(([key, { mac }]) => `${key} ${mac.toString()}`).toSorted(), [
    'br7 10.1.0.1 02:02:0a:01:00:01',
    'br7 10.1.0.2 02:02:0a:01:00:02',
    'br7 10.1.0.3 02:02:0a:01:00:03',
    'br7 fd00::2 02:02:0a:01:00:02',
    'br8 10.2.0.9 02:01:00:00:00:08',
  ]);
  t.same([...plan.fdb.values()], [
    { kind: 'flood', link: 'vx7', destination: ip('192.0.2.2') },
    { kind: 'unicast', link: 'vx7', mac: Mac.parse('02:02:0a:01:00:02'), destination: ip('192.0.2.2'), bridged: true },
    { kind: 'unicast', link: 'vx7', mac: Mac.parse('02:02:0a:01:00:03'), destination: ip('192.0.2.2'), bridged: true },
  ], 'a host without an endpoint on a network gets nothing of it');
  t.end();
});

t.test('what is encrypted goes on by the tunnels only', (t) => {
  const remotes = [
    { vni: 8, addresses: [ip('10.2.0.2')], mac: Mac.parse('02:02:0a:02:00:02'), underlay: ip('fd12::2') },
    { vni: 8, addresses: [ip('10.2.0.3')], mac: Mac.parse('02:02:0a:02:00:03'), underlay: ip('192.0.2.3') },
    { vni: 7, addresses: [ip('10.1.0.4')], mac: Mac.parse('02:02:0a:01:00:04'), underlay: ip('fd12::2') },
  ];
  const networks = overlaid.networks.map((network) => ({ ...network, ...(network.vni === 8 ? { encrypted: true as const } : {}) }));
  const input = { ...overlaid, networks, endpoints: [{ id: endpointId(1), vni: 8, addresses: [ip('10.2.0.1')], mac }] };
  const plan = planFabric({ ...input, overlay: { ...overlay, encrypted: { local: ip('::'), port: 4790, mtu: 1370 }, remotes } });
  t.match(plan.links.get('vx7'), { local: ip('192.0.2.1'), port: 4789, mtu: 1450 });
  t.match(plan.links.get('vx8'), { local: ip('::'), port: 4790, mtu: 1370 });
  t.match(plan.links.get('vr-000000000001'), { mtu: 1370, peer: { mtu: 1370 } });
  t.same([...plan.fdb.keys()], ['vx8 flood fd12::2', 'vx8 02:02:0a:02:00:02'], 'neither goes the way of the other, whatever is said of its host');
  const alone = planFabric({ ...input, overlay: { ...overlay, remotes } });
  t.notOk(alone.links.has('vx8'), 'without tunnels it ends here');
  t.same([...alone.fdb.keys()], []);
  t.match(alone.links.get('br8'), { mtu: 1500 });
  t.end();
});

t.test('remote endpoints that cannot be elsewhere, or not be reached, are left out', (t) => {
  const plannedFor = (remote: Partial<FabricOverlay['remotes'][number]>): number => {
    const { fdb, neighbours } = planFabric({ ...overlaid, serviceAddresses: [], overlay: { ...overlay, remotes: [{ vni: 7, addresses: [ip('10.1.0.2')], mac: Mac.parse('02:02:0a:01:00:02'), underlay: ip('192.0.2.2'), ...remote }] } });
    return fdb.size + neighbours.size - 1;
  };
  t.equal(plannedFor({}), 3);
  t.equal(plannedFor({ mac }), 0, 'it is here');
  t.equal(plannedFor({ underlay: ip('2001:db8::2') }), 0, 'its host has addresses of another family');
  t.equal(plannedFor({ underlay: ip('192.0.2.1') }), 0, 'its host is this one');
  t.equal(plannedFor({ vni: 9 }), 0, 'its network is not known');
  t.end();
});

t.test('the order of the input does not matter', (t) => {
  const shuffled = fabricInput.chain((input) =>
    fc.record({
      input: fc.constant(input),
      other: fc.record({
        ...(input.uplink ? { uplink: fc.constant(input.uplink) } : {}),
        ...(input.overlay ? { overlay: permuted(input.overlay.remotes).map((remotes) => ({ ...input.overlay, remotes }) as FabricOverlay) } : {}),
        networks: permuted(input.networks),
        endpoints: permuted(input.endpoints),
        serviceAddresses: permuted(input.serviceAddresses),
      }),
    }),
  );
  holds(t, fc.property(shuffled, ({ input, other }) => isDeepStrictEqual(ordered(planFabric(other)), ordered(planFabric(input)))));
  t.end();
});

function permuted<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}

/** With the order of the items, which is the order of the steps. */
function ordered(plan: ReturnType<typeof planFabric>): unknown {
  return JSON.parse(JSON.stringify([[...plan.links], [...plan.addresses], [...plan.routes], [...plan.neighbours], [...plan.fdb]]));
}
