import '../support/throw-away-host.js';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { KernelConntrack } from '../../daemon/kernel/conntrack.js';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { inNamespace, namespaceDirectory, routerPath } from '../../daemon/kernel/netns.js';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { diffFabric } from '../../src/fabric/diff.js';
import { containerLinkName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import { Mac } from '../../src/model/address.js';
import { subnetsOf } from '../../src/model/network.js';
import type { Algorithm } from '../../src/model/service.js';
import { diffNat } from '../../src/nat/diff.js';
import type { NatProvider } from '../../src/nat/input.js';
import { planNat } from '../../src/nat/plan.js';
import type { NatState } from '../../src/nat/state.js';
import { inContainer, startContainer, stopContainer } from '../support/containers.js';
import { UdpOpenings } from '../support/udp-openings.js';
import { until } from '../support/until.js';
import { ip, network, servicePort } from '../unit/nat/arbitraries.js';
import { chiSquare, chiSquareLimit } from '../unit/nat/chi-square.js';

// How the kernel spreads connections: a hundred thousand, each a datagram from another address and port, through a router's rules.

const tenant = 'spread';
const [service, firstClient] = [0x0a_01_00_64, 0x0a_02_00_00];
const serviceAddress = ip('10.1.0.100');
/** They are addresses of one container, which throws away what comes for them: nobody has to answer. */
const names = Array.from({ length: 10 }, (_, index) => `10.1.0.${index + 1}`);
const connections = 100_000;
/** At most so many are on their way, as a link holds back 1,000 packets (net.core.netdev_max_backlog) and drops more. */
const batch = 500;
/** The fewest connections that a host's conntrack has room for is 65,536. */
const room = 25_000;

const networks = [network('br1', ['10.1.0.0/24', '10.1.0.254']), network('br2', ['10.2.0.0/16', '10.2.255.254'])];
const containers = [
  { name: 'servers', id: '1'.repeat(64), vni: 1, address: '10.1.0.200', prefix: 24, gateway: '10.1.0.254', others: names },
  { name: 'clients', id: '2'.repeat(64), vni: 2, address: '10.2.255.1', prefix: 16, gateway: '10.2.255.254', others: [] },
];

const sockets = new RtnetlinkSockets();
const [routers, nftables, conntrack] = [new KernelRouters(sockets), new KernelNftables(), new KernelConntrack()];
let held: NatState = planNat({ networks, services: [] });
let openings: UdpOpenings;

t.before(async () => {
  await routers.ensure(tenant);
  await nftables.replace(tenant, held);
  const desired = planFabric({
    networks: networks.map((each, index) => ({ vni: index + 1, subnets: subnetsOf(each), netfilter: true })),
    endpoints: containers.map(({ id, vni, address, others }) => ({ id, vni, addresses: [address, ...others].map(ip), mac: Mac.fromIp(ip(address)) })),
    serviceAddresses: [serviceAddress],
  });
  const fabric = new KernelFabric(sockets);
  await fabric.apply(tenant, diffFabric(desired, await fabric.read(tenant)));
  routers.leaveNetfilterToBridges(tenant);
  for (const { name, id, address, prefix, gateway } of containers) await startContainer(name, containerLinkName(id), `${address}/${prefix}`, gateway);
  openings = new UdpOpenings(`${namespaceDirectory}/clients`);
});
t.teardown(async () => {
  openings.close();
  for (const { name } of containers) await stopContainer(name);
  await routers.remove(tenant);
  await sockets.close();
});

/** The service gets these providers, from what it has; or, made `anew`, from nothing. */
async function provide(algorithm: Algorithm, providers: readonly NatProvider[], weights: readonly number[] = [], anew = true): Promise<void> {
  const plan = (providing: readonly NatProvider[], from: NatState): NatState =>
    planNat({ networks, services: providing.length === 0 ? [] : [{ addresses: [serviceAddress], ports: [servicePort('53:53/udp')], providers: providing, algorithm, weights }] }, from);
  for (const desired of anew ? [plan([], held), plan(providers, plan([], held))] : [plan(providers, held)]) {
    await nftables.apply(tenant, diffNat(desired, held));
    held = desired;
  }
}

const provider = (address: string, group?: number): NatProvider => ({ addresses: [ip(address)], ...(group !== undefined && { group }) });
const tracked = (): number => inNamespace(routerPath(tenant), () => Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8')));
const forget = (): Promise<string> => inContainer(`netctl-${tenant}`, 'conntrack', '--flush');

/** So many connections of so many clients in turn. Each is tracked, and so counted, before much more is sent. */
async function connect(count: number, clients: number, port = 1024): Promise<void> {
  for (let begun = 0; begun < count; begun += room) {
    await forget();
    const end = Math.min(count, begun + room);
    const before = tracked();
    for (let index = begun; index < end; index += 1) {
      openings.send({ address: firstClient + 1 + (index % clients), port: port + Math.floor(index / clients) }, { address: service, port: 53 });
      const sent = index + 1 - begun;
      if (sent % batch === 0 || index + 1 === end) await until(`${sent} connections are tracked`, () => tracked() - before >= sent);
    }
  }
}

/** How many connections each provider has had, by the kernel's own count. */
async function counted(): Promise<Map<string, number>> {
  return new Map((await nftables.traffic(tenant)).map(({ provider: address, connections: count }) => [address.toString(), count]));
}

const even = new Map(names.map((name) => [name, 0.1]));
const ten = names.map((name) => provider(name));
/** 10 % for two of them, 30 % for three, and the rest for five. */
const [weights, weighted] = [[10, 30], names.map((name, index) => provider(name, index < 2 ? 0 : index < 5 ? 1 : undefined))];
const shares = new Map(names.map((name, index) => [name, index < 2 ? 0.05 : index < 5 ? 0.1 : 0.12]));

/** The normal quantile of one in ten million: so rarely a correct kernel fails one of these. */
const rarely = 5.2;

async function spread(t: Test, algorithm: Algorithm, providers: readonly NatProvider[], of: readonly number[], expected: ReadonlyMap<string, number>): Promise<number> {
  await provide(algorithm, providers, of);
  await connect(connections, 1000);
  const counts = await counted();
  t.equal([...counts.values()].reduce((sum, count) => sum + count, 0), connections, 'all are counted');
  const deviation = chiSquare(counts, expected);
  t.comment(`${algorithm}: chi-square ${deviation.toFixed(2)}, ${JSON.stringify([...counts.values()])}`);
  return deviation;
}

t.test('in turn: exactly', async (t) => {
  t.equal(await spread(t, 'roundrobin', ten, [], even), 0);
  t.equal(await spread(t, 'roundrobin', weighted, weights, shares), 0, 'and with weights');
});

t.test('at random: as often as chance has it', async (t) => {
  for (const [what, deviation] of [
    ['alike', await spread(t, 'random', ten, [], even)],
    ['with weights', await spread(t, 'random', weighted, weights, shares)],
  ] as const) {
    t.ok(deviation < chiSquareLimit(9, rarely), `${what}: ${deviation.toFixed(2)}, which is to be less than ${chiSquareLimit(9, rarely).toFixed(2)}`);
    t.ok(deviation > 0, 'and not in turn');
  }
});

t.test('by source: evenly, each client always to the same, and only those move whose provider leaves', async (t) => {
  const clients = 10_000;
  const placed = async (port: number): Promise<Map<string, string>> => {
    await connect(clients, clients, port);
    return new Map((await conntrack.list(tenant)).map((flow) => [flow.client.address.toString(), flow.provider.address.toString()]));
  };
  const tally = (of: Iterable<string>): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const name of of) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  await provide('source', ten);
  const before = await placed(2000);
  t.equal(before.size, clients);
  // The hash has a fixed seed: this is always the same figure.
  const deviation = chiSquare(tally(before.values()), even);
  t.ok(deviation < chiSquareLimit(9, rarely), `chi-square ${deviation.toFixed(2)}`);
  t.same(await placed(3000), before, 'from other ports the same');

  const [left = '', ...stay] = names;
  await provide('source', stay.map((name) => provider(name)), [], false);
  const after = await placed(2000);
  const moved = [...after].filter(([client, name]) => before.get(client) !== name);
  t.same(moved.filter(([client]) => before.get(client) !== left), [], 'nobody else moves');
  t.notOk([...after.values()].includes(left));
  const share = moved.length / clients;
  t.comment(`source: chi-square ${deviation.toFixed(2)}; ${(share * 100).toFixed(2)} % move`);
  t.ok(share > 0.08 && share < 0.12, `${(share * 100).toFixed(2)} % move, of ten providers one left`);
  const onto = chiSquare(tally(moved.map(([, name]) => name)), new Map(stay.map((name) => [name, 1 / stay.length])));
  t.ok(onto < chiSquareLimit(8, rarely), `and to all others alike: chi-square ${onto.toFixed(2)}`);

  await provide('source', ten, [], false);
  const back = await placed(2000);
  const returned = [...back].filter(([client, name]) => after.get(client) !== name);
  t.same(returned.filter(([, name]) => name !== left), [], 'a newcomer takes its share, and nobody else any');
  t.ok(returned.length > clients * 0.08 && returned.length < clients * 0.12, `${returned.length} clients`);
});
