import t from 'tap';
import { planSegment, mostThrough } from '../../../src/probe/segment.js';
import { IpAddress } from '../../../src/model/address.js';

const place = (address: string, underlayMtu = 1500) => ({ underlay: IpAddress.parse(address), underlayMtu });
const [h1, h2, h3] = [place('192.168.7.1'), place('192.168.7.2', 9000), place('10.0.0.3')] as const;

t.test('each host has its own address, and knows where the others are', async (t) => {
  const { links, addresses, routes, neighbours, fdb } = planSegment(h1, [h2, h3], 4789);
  t.match(links.get('vx0'), { vni: 0, local: h1.underlay, port: 4789, bridge: 'br0', mtu: 1450, suppressing: true, up: true });
  t.same([...addresses.keys()], ['br0 192.168.7.1/32']);
  t.same([...routes.keys()], ['segment 192.168.7.2/32 br0', 'segment 10.0.0.3/32 br0']);
  t.same([...neighbours.values()].map(({ address, mac }) => `${address.toString()} ${mac.toString()}`), ['192.168.7.2 02:03:c0:a8:07:02', '10.0.0.3 02:03:0a:00:00:03']);
  t.same([...fdb.values()].map((entry) => entry.kind), ['unicast', 'unicast'], 'nothing is sent to all');
});

t.test('what one host is told of another is what that one is', async (t) => {
  const [one, other] = [planSegment(h1, [h2], 4789), planSegment(h2, [h1], 4789)];
  const macOfBridge = (state: typeof one): string => [...state.links.values()].flatMap((link) => (link.kind === 'bridge' ? [link.mac.toString()] : [])).join();
  t.equal([...one.neighbours.values()].map(({ mac }) => mac.toString()).join(), macOfBridge(other));
  t.equal([...other.neighbours.values()].map(({ mac }) => mac.toString()).join(), macOfBridge(one));
});

t.test('a host that is reached by another family is left out', async (t) => {
  t.equal(planSegment(h1, [place('2001:db8::2')], 4789).routes.size, 0);
  t.match(planSegment(place('2001:db8::1'), [place('2001:db8::2')], 4789).links.get('vx0'), { mtu: 1430 });
});

t.test('no packet is longer than both ends take', async (t) => {
  t.equal(mostThrough(h1, h2), 1450);
  t.equal(mostThrough(h2, place('192.168.7.4', 9000)), 8950);
});
