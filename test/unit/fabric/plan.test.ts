import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { planFabric } from '../../../src/fabric/plan.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';
import { comparable, endpointId, fabricInput, holds } from './arbitraries.js';

const ip = (text: string): IpAddress => IpAddress.parse(text);
const mac = Mac.parse('02:02:0a:01:00:01');

t.test('a network with gateways, one without, an endpoint, and service addresses', (t) => {
  const plan = planFabric({
    networks: [
      { vni: 7, subnets: [{ prefix: Prefix.parse('10.1.0.0/24'), gateway: ip('10.1.0.254') }, { prefix: Prefix.parse('fd00::/64'), gateway: ip('fd00::1') }] },
      { vni: 8, subnets: [{ prefix: Prefix.parse('10.2.0.0/24') }] },
    ],
    endpoints: [{ id: endpointId(1), vni: 7, addresses: [ip('10.1.0.1'), ip('fd00::2')], mac }],
    serviceAddresses: [ip('10.2.0.9'), ip('fd00::9')],
  });
  const port = 'vr-000000000001';
  t.same([...plan.links.values()], [
    { kind: 'bridge', name: 'br7', mac: Mac.parse('02:01:00:00:00:07'), up: true },
    { kind: 'bridge', name: 'br8', mac: Mac.parse('02:01:00:00:00:08'), up: true },
    { kind: 'port', name: port, bridge: 'br7', hairpin: true, up: true, peer: { name: 'vc-000000000001', mac, mtu: 1500 } },
  ]);
  t.same([...plan.addresses.keys()], ['br7 10.1.0.254/24', 'br7 fd00::1/64']);
  t.same([...plan.routes.keys()], ['segment 10.2.0.0/24 br8', 'service 10.2.0.9/32 lo', 'service fd00::9/128 lo']);
  t.same([...plan.neighbours.values()], [
    { link: 'br7', address: ip('10.1.0.1'), mac },
    { link: 'br7', address: ip('fd00::2'), mac },
  ]);
  t.end();
});

t.test('an endpoint without its network is left out', (t) => {
  const plan = planFabric({ networks: [], endpoints: [{ id: endpointId(1), vni: 7, addresses: [ip('10.1.0.1')], mac }], serviceAddresses: [] });
  t.same(comparable(plan), { links: [], addresses: [], routes: [], neighbours: [] });
  t.end();
});

t.test('the order of the input does not matter', (t) => {
  const shuffled = fabricInput.chain((input) =>
    fc.record({
      input: fc.constant(input),
      other: fc.record({
        ...(input.uplink ? { uplink: fc.constant(input.uplink) } : {}),
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
  return JSON.parse(JSON.stringify([[...plan.links], [...plan.addresses], [...plan.routes], [...plan.neighbours]]));
}
