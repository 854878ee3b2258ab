import '../support/throw-away-host.js';
import t from 'tap';
import { diffNat } from '../../src/nat/diff.js';
import type { NatInput, NatProvider, NatService } from '../../src/nat/input.js';
import { Mac } from '../../src/model/address.js';
import { planNat } from '../../src/nat/plan.js';
import type { NatState } from '../../src/nat/state.js';
import { inContainer } from '../support/containers.js';
import { ServiceBed, tenant } from '../support/service-bed.js';
import { ip } from '../unit/nat/arbitraries.js';
import { chiSquare, chiSquareLimit } from '../unit/nat/chi-square.js';
import { hosts, input, web, web6 } from '../unit/nat/scenario.js';
import type { Host } from '../unit/nat/scenario.js';

// Who gets new connections, and how they are counted, in the kernel.

const bed = new ServiceBed();
let held: NatState = planNat(input);
t.before(async () => {
  await bed.start();
  await bed.nftables.replace(tenant, held);
});
t.teardown(() => bed.stop());

async function change(changed: Partial<NatService>): Promise<void> {
  const [first, ...others] = input.services;
  if (!first) throw new Error('the scenario has no service');
  const next: NatInput = { ...input, services: [{ ...first, ...changed }, ...others] };
  const desired = planNat(next, held);
  await bed.nftables.apply(tenant, diffNat(desired, held));
  held = desired;
}

const provider = (name: Host, more: Partial<NatProvider> = {}): NatProvider => ({ addresses: hosts[name].addresses.map(ip), ...more });

function counts(words: readonly string[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const word of words) counted.set(word, (counted.get(word) ?? 0) + 1);
  return counted;
}

t.test('one of ten new connections goes to who has a weight of 10 %, exactly', async (t) => {
  await change({ providers: [provider('a1', { group: 0 }), provider('a2'), provider('a9'), provider('b9')], weights: [10], algorithm: 'roundrobin' });
  t.same(counts(await bed.survey('b9', 'tcp', web, 80, 300)), new Map([['a1', 30], ['a2', 90], ['a9', 90], ['b9', 90]]));
  t.same(counts(await bed.survey('b9', 'udp', web6, 53, 90)), new Map([['a1', 9], ['a2', 27], ['a9', 27], ['b9', 27]]));
});

t.test('at random', async (t) => {
  for (const [what, weights, protocol, address, port, shares] of [
    ['10 %', [10], 'tcp', web, 80, { a1: 0.1, a2: 0.3, a9: 0.3, b9: 0.3 }],
    ['evenly', [], 'udp', web, 53, { a1: 0.25, a2: 0.25, a9: 0.25, b9: 0.25 }],
    ['evenly, IPv6', [], 'udp', web6, 53, { a1: 0.25, a2: 0.25, a9: 0.25, b9: 0.25 }],
  ] as const) {
    await change({ providers: [provider('a1', { group: 0 }), provider('a2'), provider('a9'), provider('b9')], weights, algorithm: 'random' });
    const deviation = chiSquare(counts(await bed.survey('b9', protocol, address, port, 2_000)), new Map(Object.entries(shares)));
    t.ok(deviation < chiSquareLimit(3), `${what}: ${deviation.toFixed(1)}`);
    t.ok(deviation > 0, 'and not in turn');
  }
});

t.test('by source: a client keeps its provider, and moves with nobody else', async (t) => {
  const clients = Array.from({ length: 150 }, (_, index) => index + 20);
  const sources = { 4: clients.map((number) => `10.2.0.${number}`), 6: clients.map((number) => `2001:db8:2::${number.toString(16)}`) };
  await inContainer('b9', 'sh', '-c', [...sources[4].map((address) => `ip address add ${address}/32 dev eth0`), ...sources[6].map((address) => `ip address add ${address}/128 dev eth0 nodad`)].join('\n'));
  // As the fabric does for the addresses of endpoints.
  await inContainer('netctl-blue', 'sh', '-c', sources[6].map((address) => `ip neighbour add ${address} lladdr ${Mac.fromIp(ip(hosts.b9.addresses[0])).toString()} dev br2`).join('\n'));
  for (const [address, own] of [[web, sources[4]], [web6, sources[6]]] as const) {
    const ask = (protocol: 'tcp' | 'udp' = 'udp'): Promise<string[]> => bed.survey('b9', protocol, address, protocol === 'tcp' ? 80 : 53, own.length, own);
    await change({ providers: [provider('a1'), provider('a2'), provider('a9')], algorithm: 'source', weights: [] });
    const before = await ask();
    t.same(await ask(), before, 'the same again');
    t.same(await ask('tcp'), before, 'and of another port');
    const deviation = chiSquare(counts(before), new Map(['a1', 'a2', 'a9'].map((name) => [name, 1 / 3])));
    t.ok(deviation < chiSquareLimit(2), `spread evenly: ${deviation.toFixed(1)}`);
    await change({ providers: [provider('a1'), provider('a9')], algorithm: 'source' });
    const without = await ask();
    t.same(without.filter((_, index) => before[index] !== 'a2'), before.filter((word) => word !== 'a2'), 'who had another one keeps it');
    t.notOk(without.includes('a2'));
    await change({ providers: [provider('a1'), provider('a2'), provider('a9')], algorithm: 'source' });
    const joined = await ask();
    t.ok(joined.every((word, index) => word === 'a2' || word === without[index]), 'a newcomer takes some, and nobody else does');
    t.ok(joined.includes('a2'));
    await bed.nftables.replace(tenant, planNat({ ...input, services: [] }));
    await bed.nftables.replace(tenant, held);
    t.same(await ask(), joined, 'the same from new tables');
  }
});

t.test('a provider calls its own service with the address that it has in another network', async (t) => {
  const elsewhere = { 4: '10.2.0.200', 6: '2001:db8:2::200' };
  await inContainer('a1', 'sh', '-c', `ip address add ${elsewhere[4]}/32 dev lo; ip address add ${elsewhere[6]}/128 dev lo nodad`);
  // A second link, so that the router believes the address.
  await inContainer('netctl-blue', 'sh', '-c', 'ip link add second type veth peer name eth1 netns a1 && ip link set second master br2 up');
  t.teardown(() => inContainer('netctl-blue', 'ip', 'link', 'delete', 'second'));
  await inContainer('a1', 'sh', '-c', [
    'ip link set eth1 up && ip address flush dev lo scope global',
    `ip address add ${elsewhere[4]}/24 dev eth1 && ip address add ${elsewhere[6]}/64 dev eth1 nodad`,
    `ip route replace ${web}/32 via 10.2.0.254 src ${elsewhere[4]} && ip -6 route replace ${web6}/128 via 2001:db8:2::fe src ${elsewhere[6]}`,
  ].join(' && '));
  await change({ providers: [provider('a1')], algorithm: 'roundrobin' });
  t.equal((await bed.ask(['a1', 'tcp', web, 80, 'silence'])).word, 'silence', 'unknown, it takes nothing from outside that comes from itself');
  await change({ providers: [provider('a1', { aliases: [ip(elsewhere[4]), ip(elsewhere[6])] })], algorithm: 'roundrobin' });
  t.equal((await bed.ask(['a1', 'tcp', web, 80, ''])).word, 'a1 10.1.0.254');
  t.equal((await bed.ask(['a1', 'udp', web, 53, ''])).word, 'a1 10.1.0.254');
  t.equal((await bed.ask(['a1', 'tcp', web6, 80, ''])).word, 'a1 2001:db8:1::fe');
});

t.test('what passes is counted', async (t) => {
  const traffic = async (protocol: string, service: string, name: Host) =>
    (await bed.nftables.traffic(tenant)).find((each) => each.protocol === protocol && each.service.toString() === service && hosts[name].addresses.some((text) => text === each.provider.toString()));
  await bed.nftables.replace(tenant, (held = planNat(input)));
  await bed.survey('b9', 'udp', web, 53, 10);
  await bed.survey('a9', 'udp', web6, 53, 6);
  const [ipv4, ipv6, udp] = [20, 40, 8];
  for (const [service, name, connections, header, answer] of [
    [web, 'a1', 5, ipv4 + udp, 'a1 10.2.0.9'],
    [web, 'a2', 5, ipv4 + udp, 'a2 10.2.0.9'],
    [web6, 'a1', 3, ipv6 + udp, 'a1 2001:db8:1::9'],
  ] as const) {
    const found = await traffic('udp', service, name);
    t.same({ connections: found?.connections, received: found?.received, sent: found?.sent }, {
      connections,
      received: { packets: connections, bytes: connections * (header + '?'.length) },
      sent: { packets: connections, bytes: connections * (header + answer.length) },
    }, `${service} ${name}`);
  }

  t.equal(await bed.open('b9', 1, web, 80), 'a1 10.2.0.9');
  const before = await traffic('tcp', web, 'a1');
  t.equal(before?.connections, 1);
  await change({ providers: [provider('a2')], draining: [provider('a1')] });
  await bed.say('b9', 1);
  const after = await traffic('tcp', web, 'a1');
  t.ok(before && after && after.sent.packets > before.sent.packets && after.received.bytes > before.received.bytes, 'of who drains, too');
  t.equal(after?.connections, 1, 'a connection counts once');
  await change({ providers: [provider('a2')] });
  t.equal(await traffic('tcp', web, 'a1'), undefined, 'until it is forgotten');
  t.equal(await bed.say('b9', 1), 'a1 10.2.0.9', 'which no connection feels');
  t.same(await bed.nftables.read(tenant), held, 'counts make no difference');
});
