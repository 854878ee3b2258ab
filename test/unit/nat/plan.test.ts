import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { sameBehaviour } from '../../../src/nat/behaviour.js';
import { maxUnusedChains } from '../../../src/nat/chains.js';
import { countOperations, diffNat } from '../../../src/nat/diff.js';
import type { NatInput, NatService } from '../../../src/nat/input.js';
import { chainName } from '../../../src/nat/keys.js';
import { planNat } from '../../../src/nat/plan.js';
import { servingOf } from '../../../src/nat/serving.js';
import { emptyNat, natFamilies } from '../../../src/nat/state.js';
import type { BalancedPort, FamilyState, Leg, NatState } from '../../../src/nat/state.js';
import { maxTurns } from '../../../src/nat/turns.js';
import { ip, natInput, network, service, shuffled } from './arbitraries.js';

const networks = [network('br1', ['10.1.0.0/24', '10.1.0.254'])];

/** A service port and its slots on one line each. */
function portsOf({ ports }: FamilyState): string[] {
  return [...ports].map(([key, { chain, slots }]) => `${key} ${chainName(chain)}: ${slots.map(({ address, port }) => `${address.toString()}#${port}`).join(' ')}`);
}

/** The plan for web with these providers, one after the other. */
function history(...steps: readonly (readonly string[])[]): NatState {
  const plan = (previous: NatState, providers: readonly string[]): NatState => planNat({ networks, services: [service('10.1.0.100', ['80:8080/tcp'], providers)] }, previous);
  return steps.reduce(plan, emptyNat);
}

t.test('from nothing: everything in the order of addresses', (t) => {
  const { ip, ip6 } = planNat({
    networks,
    services: [
      service('10.1.0.101', ['80:80/tcp'], ['10.1.0.2', '10.1.0.1']),
      service(['2001:db8::100', '10.1.0.100'], ['80:8080/tcp', '53:53/udp', '443:8443/tcp'], ['10.1.0.10', '10.1.0.9', '2001:db8::1', '10.1.0.9']),
      service('10.1.0.99', ['80:80/tcp'], []),
      service('10.1.0.98', [], ['10.1.0.3']),
    ],
  });
  t.same(portsOf(ip), [
    '10.1.0.100 . tcp . 80 balance_2_0: 10.1.0.9#8080 10.1.0.10#8080',
    '10.1.0.100 . tcp . 443 balance_2_1: 10.1.0.9#8443 10.1.0.10#8443',
    '10.1.0.100 . udp . 53 balance_2_2: 10.1.0.9#53 10.1.0.10#53',
    '10.1.0.101 . tcp . 80 balance_2_3: 10.1.0.1#80 10.1.0.2#80',
  ]);
  t.same(portsOf(ip6), [
    '2001:db8::100 . tcp . 80 balance_1_0: 2001:db8::1#8080',
    '2001:db8::100 . tcp . 443 balance_1_0: 2001:db8::1#8443',
    '2001:db8::100 . udp . 53 balance_1_0: 2001:db8::1#53',
  ]);
  t.same([...ip.serviceIps.keys()], ['10.1.0.98', '10.1.0.99', '10.1.0.100', '10.1.0.101'], 'service IPs without ports or providers too');
  t.same([...ip.chains.keys()], ['balance_2_0', 'balance_2_1', 'balance_2_2', 'balance_2_3']);
  t.same([...ip.hairpins.keys()], ['10.1.0.1 . 10.1.0.1', '10.1.0.2 . 10.1.0.2', '10.1.0.9 . 10.1.0.9', '10.1.0.10 . 10.1.0.10'], 'none for who provides nothing');
  t.same([[...ip.bridges], [...ip6.bridges]], [['br1'], ['br1']], 'neighbour discovery passes the IPv6 rules in every segment');
  t.end();
});

t.test('slots keep their providers', (t) => {
  const [a, b, c, d, e] = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5'] as const;
  for (const [what, steps, expected] of [
    ['a newcomer is appended', [[b, c], [a, b, c]], [b, c, a]],
    ['newcomers are appended in the order of addresses', [[c], [e, a, c]], [c, a, e]],
    ['the last one moves into the place of who left', [[a, b, c, d], [b, c, d]], [d, b, c]],
    ['nobody moves when the last one leaves', [[a, b, c], [a, b]], [a, b]],
    ['nobody moves when the last two leave', [[a, b, c, d], [a, b]], [a, b]],
    ['the first and the last leave', [[a, b, c, d], [b, c]], [c, b]],
    ['the first two leave', [[a, b, c, d, e], [c, d, e]], [e, d, c]],
    ['a newcomer takes the place of who left', [[a, b, c], [b, c, d]], [d, b, c]],
    ['all are replaced', [[a, b], [c, d, e]], [c, d, e]],
    ['nobody left', [[a, b], []], undefined],
    ['nobody is remembered', [[b, c], [], [a, b, c]], [a, b, c]],
  ] as const) {
    const [port] = history(...steps).ip.ports.values();
    t.same(port?.slots.map(({ address }) => address.toString()), expected, what);
    t.same(port?.chain, expected && { algorithm: 'roundrobin', slots: expected.length, turn: 0 });
  }
  t.end();
});

t.test('a changed target port changes nothing else', (t) => {
  const before = history(['10.1.0.2'], ['10.1.0.1', '10.1.0.2']);
  const after = planNat({ networks, services: [service('10.1.0.100', ['80:9090/tcp'], ['10.1.0.1', '10.1.0.2'])] }, before);
  t.same(portsOf(after.ip), ['10.1.0.100 . tcp . 80 balance_2_0: 10.1.0.2#9090 10.1.0.1#9090']);
  t.equal(countOperations(diffNat(after, before)), 4, 'two slots, deleted and added');
  t.end();
});

t.test('turns', (t) => {
  const address = (index: number): string => `10.2.${index >> 8}.${index & 255}`;
  const many = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => service(address(from + index), ['80:80/tcp'], ['10.1.0.1', '10.1.0.2']));
  const turnsIn = ({ ip }: NatState): Record<string, number> => Object.fromEntries([...ip.ports.values()].map(({ address, chain }) => [address.toString(), chain.turn]));

  const three = planNat({ networks, services: many(0, 3) });
  t.same(turnsIn(three), { [address(0)]: 0, [address(1)]: 1, [address(2)]: 2 });

  const middleGone = planNat({ networks, services: [...many(0, 1), ...many(2, 3)] }, three);
  t.same(turnsIn(middleGone), { [address(0)]: 0, [address(2)]: 2 }, 'who stays keeps its turn');
  t.equal(middleGone.ip.chains.size, 3, 'and the chain that nobody uses stays');

  const another = planNat({ networks, services: [...many(0, 1), ...many(2, 5)] }, middleGone);
  t.same(turnsIn(another), { [address(0)]: 0, [address(2)]: 2, [address(3)]: 1, [address(4)]: 3 }, 'a turn that is free is taken first');

  const crowded = planNat({ networks, services: many(0, 2 * maxTurns + 1) });
  const uses = Object.values(turnsIn(crowded)).reduce((counts, turn) => counts.set(turn, (counts.get(turn) ?? 0) + 1), new Map<number, number>());
  t.equal(uses.size, maxTurns, 'no more than so many chains');
  t.same([...uses.values()].toSorted((a, b) => a - b), [...Array<number>(maxTurns - 1).fill(2), 3], 'evenly used');

  const single = planNat({ networks, services: Array.from({ length: 3 }, (_, index) => service(address(index), ['80:80/tcp'], ['10.1.0.1'])) });
  t.same([...single.ip.chains.keys()], ['balance_1_0'], 'counting to one needs no turns');
  t.end();
});

t.test('chains do not become ever more while services grow and shrink', (t) => {
  const providers = (count: number): string[] => Array.from({ length: count }, (_, index) => `10.1.0.${index}`);
  const withProviders = (count: number) => Array.from({ length: maxTurns }, (_, index) => service(`10.2.0.${index}`, ['80:80/tcp'], providers(count)));
  let held = emptyNat;
  for (const count of [...Array(20).keys(), ...Array(20).keys()]) {
    const before = held;
    held = planNat({ networks, services: withProviders(count) }, before);
    t.ok(held.ip.chains.size <= maxUnusedChains + 2 * maxTurns, `${held.ip.chains.size} chains with ${count} providers`);
    for (const { chain } of [...held.ip.ports.values(), ...before.ip.ports.values()]) if (!held.ip.chains.has(chainName(chain))) t.fail(`${chainName(chain)} is gone`);
  }
  t.end();
});

t.test('hairpin sources', (t) => {
  for (const [what, networks, serviceIps, expected] of [
    ['the gateway', [network('br1', ['10.1.0.0/24', '10.1.0.254'])], ['10.1.0.100'], '10.1.0.254'],
    ['the gateway, also for a service elsewhere', [network('br1', ['10.1.0.0/24', '10.1.0.254'])], ['10.9.0.100'], '10.1.0.254'],
    ['without a gateway the lowest service IP of the network', [network('br1', ['10.1.0.0/24'])], ['10.1.0.101', '10.1.0.100', '10.0.0.1'], '10.1.0.100'],
    ['neither', [network('br1', ['10.1.0.0/24'])], ['10.9.0.100'], undefined],
    ['a provider that is in no network', [network('br2', ['10.2.0.0/24', '10.2.0.254'])], ['10.2.0.100'], undefined],
    ['a network of the other family', [network('br2', ['2001:db8::/64', '2001:db8::1'])], ['10.2.0.100'], undefined],
  ] as const) {
    const { ip } = planNat({ networks, services: serviceIps.map((address) => service(address, ['80:80/tcp'], ['10.1.0.1'])) });
    t.equal(ip.hairpins.get('10.1.0.1 . 10.1.0.1')?.source.toString(), expected, what);
    t.equal(ip.hairpins.size, expected === undefined ? 0 : 1, 'one for all services');
  }
  t.end();
});

t.test('what is routed between networks and the uplink', (t) => {
  const of = (bridge: string) => network(bridge, ['10.1.0.0/24', '10.1.0.254']);
  const { ip, ip6 } = planNat({ networks: [{ ...of('br1'), outward: true }, { ...of('br2'), fromHost: true }, { ...of('br3'), outward: false, fromHost: false }], services: [] });
  t.same([...ip.routed], [
    ['"br1" . "uplink"', { from: 'br1', to: 'uplink' }],
    ['"uplink" . "br2"', { from: 'uplink', to: 'br2' }],
  ]);
  t.same(ip6.routed, ip.routed, 'in both families');
  t.end();
});

t.test('a provider calls its own service by an address that it has elsewhere', (t) => {
  const provider = { addresses: [ip('10.1.0.1'), ip('2001:db8::1')], aliases: [ip('10.9.0.1'), ip('2001:db8:9::1'), ip('10.8.0.1')] };
  const both = planNat({ networks: [network('br1', ['10.1.0.0/24', '10.1.0.254'], ['2001:db8::/64', '2001:db8::fe'])], services: [{ ...service(['10.9.0.100', '2001:db8:9::100'], ['80:80/tcp'], []), providers: [provider] }] });
  t.same([...both.ip.hairpins].map(([key, { source }]) => [key, source.toString()]), [
    ['10.1.0.1 . 10.1.0.1', '10.1.0.254'],
    ['10.8.0.1 . 10.1.0.1', '10.1.0.254'],
    ['10.9.0.1 . 10.1.0.1', '10.1.0.254'],
  ]);
  t.same([...both.ip6.hairpins.keys()], ['2001:db8::1 . 2001:db8::1', '2001:db8:9::1 . 2001:db8::1']);
  t.end();
});

t.test('what is counted: each service port with each provider, and with those that drain', (t) => {
  const of = (providers: readonly string[], draining: readonly string[], previous?: NatState): NatState =>
    planNat({ networks, services: [{ ...service('10.1.0.100', ['80:8080/tcp', '53:53/udp'], providers), draining: draining.map((text) => ({ addresses: [ip(text)] })) }] }, previous);
  const before = of(['10.1.0.1', '10.1.0.2'], []);
  t.same([...before.ip.legs.keys()], ['10.1.0.100 . tcp . 80', '10.1.0.100 . udp . 53'].flatMap((port) => ['10.1.0.1', '10.1.0.2'].map((provider) => `${port} . ${provider}`)).toSorted());
  const marks = [...before.ip.legs.values()].map(({ mark }) => mark);
  t.equal(new Set(marks).size, 4);
  t.ok(marks.every((mark) => mark > 0 && mark < 2 ** 32));
  t.same(of(['10.1.0.2'], ['10.1.0.1'], before).ip.legs, before.ip.legs);
  t.equal(of(['10.1.0.2'], [], before).ip.legs.size, 2);
  const [[key, leg], [taken, other]] = [...before.ip.legs] as [[string, Leg], [string, Leg]];
  const odd = { ...before, ip: { ...before.ip, legs: new Map([...before.ip.legs, [key, { ...leg, mark: 5 }]]) } };
  t.equal(of(['10.1.0.1', '10.1.0.2'], [], odd).ip.legs.get(key)?.mark, 5, 'a leg keeps the mark that it has');
  const inUse = { ...before, ip: { ...before.ip, legs: new Map([[taken, { ...other, mark: leg.mark }]]) } };
  t.equal(of(['10.1.0.1', '10.1.0.2'], [], inUse).ip.legs.get(key)?.mark, leg.mark + 1, 'and nobody else gets it');
  t.end();
});

t.test('two legs that would have one mark have the same ones in whichever order they come', (t) => {
  const services = [service('10.1.7.2', ['80:8080/tcp'], ['10.1.200.3']), service('10.1.107.132', ['80:8080/tcp'], ['10.1.200.2'])];
  const marksOf = (input: readonly NatService[]): [string, number][] => [...planNat({ networks, services: input }).ip.legs].map(([key, { mark }]): [string, number] => [key, mark]).toSorted();
  t.strictSame(marksOf(services), [['10.1.107.132 . tcp . 80 . 10.1.200.2', 659516815], ['10.1.7.2 . tcp . 80 . 10.1.200.3', 659516816]]);
  t.strictSame(marksOf(services.toReversed()), marksOf(services));
  t.end();
});

t.test('planned again it is the same, in the same objects', (t) => {
  const property = fc.property(natInput, natInput, (first, second) => {
    const once = planNat(second, planNat(first));
    const again = planNat(second, once);
    assert.deepEqual(again, once);
    for (const family of natFamilies) for (const [key, port] of again[family].ports) assert.equal(port, once[family].ports.get(key));
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('history decides on slots, turns and unused chains only', (t) => {
  const property = fc.property(natInput, natInput, (first, second) => sameBehaviour(planNat(second, planNat(first)), planNat(second)));
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('the order of the input does not matter', (t) => {
  const pairs = natInput.chain((input) => fc.tuple(fc.constant(input), shuffled(input)));
  const property = fc.property(pairs, natInput, ([input, other], earlier) => {
    assert.deepEqual(planNat(other), planNat(input));
    assert.deepEqual(planNat(other, planNat(earlier)), planNat(input, planNat(earlier)));
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('without weights every provider has one slot, and keeps it unless it fills the place of one that left', (t) => {
  const property = fc.property(natInput, natInput, (first, second) => {
    const before = planNat(first);
    const after = planNat(second, before);
    for (const family of natFamilies) for (const [key, port] of after[family].ports) checkSlots(port, before[family].ports.get(key), second);
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

function checkSlots({ address, slots, chain }: BalancedPort, before: BalancedPort | undefined, { services }: NatInput): void {
  const [owner] = services.filter(({ addresses }) => addresses.some((each) => each.equals(address)));
  if (chain.algorithm === 'source' || before?.chain.algorithm === 'source' || owner?.weights?.length !== 0) return;
  const wanted = servingOf(address.family, owner).flatMap(({ addresses }) => addresses).filter(({ family }) => family === address.family);
  const seated = slots.map((slot) => slot.address.toString());
  assert.deepEqual(seated.toSorted(), [...new Set(wanted.map(String))].toSorted());
  assert.equal(chain.slots, slots.length);
  const previous = before?.slots.map((slot) => slot.address.toString()) ?? [];
  if (new Set(previous).size < previous.length) return;
  const moved = previous.filter((each, slot) => seated.includes(each) && seated[slot] !== each);
  assert.ok(moved.length <= Math.max(0, previous.length - seated.length));
}
