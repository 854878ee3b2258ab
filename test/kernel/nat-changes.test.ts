import '../support/throw-away-host.js';
import t from 'tap';
import { routerName } from '../../daemon/kernel/netns.js';
import { diffNat } from '../../src/nat/diff.js';
import { staleFlows } from '../../src/nat/flows.js';
import type { Living } from '../../src/nat/flows.js';
import type { NatInput } from '../../src/nat/input.js';
import { planNat } from '../../src/nat/plan.js';
import type { NatState } from '../../src/nat/state.js';
import { inContainer, reaches } from '../support/containers.js';
import { ServiceBed, tenant } from '../support/service-bed.js';
import { ip, service } from '../unit/nat/arbitraries.js';
import { deserted, hosts, input, remote, single, triple, web, web6 } from '../unit/nat/scenario.js';
import type { Host } from '../unit/nat/scenario.js';

// What happens to connections when the tables change under them.

const bed = new ServiceBed();
let held: NatState = planNat(input);
t.before(() => bed.start());
t.teardown(() => bed.stop());
t.beforeEach(startOver);

async function startOver(): Promise<void> {
  held = planNat(input);
  await bed.nftables.replace(tenant, held);
  await bed.conntrack.remove(tenant, await bed.conntrack.list(tenant));
}

async function change(next: NatInput): Promise<void> {
  const desired = planNat(next, held);
  await bed.nftables.apply(tenant, diffNat(desired, held));
  held = desired;
}

/** The scenario with only these providers, of those that each service has. */
function onlyProviders(...names: Host[]): NatInput {
  const stay = names.flatMap((name) => hosts[name].addresses.map((text) => text as string));
  const services = input.services.map((each) => ({ ...each, providers: each.providers.filter(({ addresses }) => addresses.some((address) => stay.includes(address.toString()))) }));
  return { ...input, services };
}

const allAlive = Object.values(hosts).flatMap(({ addresses }) => addresses.map(ip));
const serving = (next: NatInput): Living => ({ addresses: allAlive, services: next.services });

/** Forgets what is stale, and says how many connections that were. */
async function forgetStale(living: Living): Promise<number> {
  return bed.conntrack.remove(tenant, staleFlows(await bed.conntrack.list(tenant), living));
}

const word = async (...[from, protocol, to, port]: [Host, 'tcp' | 'udp', string, number]): Promise<string> => (await bed.ask([from, protocol, to, port, ''])).word;
const repeated = async (times: number, ...call: [Host, 'tcp' | 'udp', string, number]): Promise<string[]> => {
  const words: string[] = [];
  for (let time = 0; time < times; time += 1) words.push(await word(...call));
  return words;
};

t.test('400 connections over four providers are 100 each', async (t) => {
  await change({ ...input, services: [service(web, ['80:8080/tcp'], ['10.1.0.1', '10.1.0.2', '10.2.0.1', '10.1.0.9'])] });
  const words = await repeated(400, 'b9', 'tcp', web, 80);
  for (const name of ['a1', 'a2', 'b1', 'a9']) t.equal(words.filter((each) => each === `${name} 10.2.0.9`).length, 100, name);
});

t.test('a connection outlives the removal of its provider, new ones go to the others', async (t) => {
  t.equal(await bed.open('b9', 1, web, 80), 'a1 10.2.0.9');
  const next = onlyProviders('a2');
  await change(next);
  t.equal(await forgetStale(serving(next)), 0, 'the provider lives: nothing is stale');
  t.equal(await bed.say('b9', 1), 'a1 10.2.0.9');
  t.same(await repeated(3, 'b9', 'tcp', web, 80), Array(3).fill('a2 10.2.0.9'));
  await change(onlyProviders());
  t.equal(await bed.say('b9', 1), 'a1 10.2.0.9', 'also when no provider is left');
  t.equal(await word('b9', 'tcp', web, 80), 'refused');
});

t.test('when a provider leaves only the last one moves into its place', async (t) => {
  t.same(await repeated(3, 'b9', 'tcp', triple, 80), ['a1 10.2.0.9', 'a2 10.2.0.9', 'b1 10.2.0.9']);
  await change(onlyProviders('a2', 'b1'));
  t.same(await repeated(2, 'b9', 'tcp', triple, 80), ['b1 10.2.0.9', 'a2 10.2.0.9']);
  await change(input);
  t.same(await repeated(3, 'b9', 'tcp', triple, 80), ['b1 10.2.0.9', 'a2 10.2.0.9', 'a1 10.2.0.9']);
});

t.test('a service gets its first provider', async (t) => {
  t.equal(await word('b9', 'tcp', deserted, 80), 'refused');
  const fixed = 40_001;
  t.equal((await bed.ask(['b9', 'udp', deserted, 53, ''], fixed)).word, 'refused');
  await change({ ...input, services: input.services.map((each) => (each.providers.length > 0 ? each : { ...each, providers: [{ addresses: [ip('10.1.0.2')] }] })) });
  t.equal(await word('b9', 'tcp', deserted, 80), 'a2 10.2.0.9');
  t.equal((await bed.ask(['b9', 'udp', deserted, 53, ''], fixed)).word, 'a2 10.2.0.9', 'the refused datagram left no trace in conntrack');
});

t.test('a UDP client with a fixed source port stays with a provider that left, until its flow is forgotten', async (t) => {
  const fixed = async (): Promise<string> => (await bed.ask(['b9', 'udp', web, 53, ''], 40_000)).word;
  for (const [what, next, after] of [
    ['another provider is left', onlyProviders('a2'), 'a2 10.2.0.9'],
    ['no provider is left', onlyProviders(), 'refused'],
    // The bed keeps the route of the deleted service: the router takes the packet, and nothing listens there.
    ['the service is deleted', { ...input, services: input.services.slice(1) }, 'refused'],
  ] as const) {
    await t.test(what, async (t) => {
      t.equal(await fixed(), 'a1 10.2.0.9');
      t.equal(await word('b9', 'udp', single, 53), 'a1 10.2.0.9');
      await change(next);
      t.equal(await fixed(), 'a1 10.2.0.9', 'stale');
      t.equal(await forgetStale(serving(next)), what === 'the service is deleted' ? 1 : 2);
      t.equal(await forgetStale(serving(next)), 0);
      t.equal(await fixed(), after);
      await startOver();
    });
  }
});

t.test('a UDP client in the network goes on sending while its service is deleted and made again', async (t) => {
  const router = routerName(tenant);
  const send = async (answer: string): Promise<string> => (await bed.ask(['a9', 'udp', web, 53, answer], 40_003)).word;
  t.equal(await send(''), 'a1 10.1.0.9');
  const without = { ...input, services: input.services.slice(1) };
  await change(without);
  await inContainer(router, 'ip', 'route', 'delete', 'local', web);
  await forgetStale(serving(without));
  t.equal(await send('silence'), 'silence', 'the client still knows the MAC address, and nobody has the address');
  await change(input);
  await inContainer(router, 'ip', 'route', 'add', 'local', web, 'dev', 'lo');
  t.match(await send(''), /^a[12] 10\.1\.0\.9$/);
});

t.test('a service gets the address that a container had, and a UDP client goes on sending', async (t) => {
  const router = routerName(tenant);
  const former = '10.1.0.2';
  const send = async (): Promise<string> => (await bed.ask(['a9', 'udp', former, 5353, ''], 40_004)).word;
  t.equal(await send(), 'a2 10.1.0.9');
  const next = { ...input, services: [...input.services, service(former, ['5353:5353/udp'], ['10.1.0.1'])] };
  await change(next);
  await inContainer('a2', 'ip', 'address', 'delete', `${former}/24`, 'dev', 'eth0');
  t.teardown(() => inContainer('a2', 'sh', '-c', `ip address add ${former}/24 dev eth0 && ip route add default via 10.1.0.254`));
  await inContainer(router, 'ip', 'route', 'add', 'local', former, 'dev', 'lo');
  t.teardown(() => inContainer(router, 'ip', 'route', 'delete', 'local', former));
  await inContainer('a9', 'ip', 'neighbour', 'flush', 'all');
  t.equal(await send(), 'refused', 'its datagrams are tracked as before, untranslated');
  t.equal(await forgetStale(serving(next)), 1);
  t.equal(await send(), 'a1 10.1.0.9');
});

t.test('a draining provider keeps its UDP flows', async (t) => {
  t.equal((await bed.ask(['b9', 'udp', web, 53, ''], 40_002)).word, 'a1 10.2.0.9');
  await change(onlyProviders('a2'));
  t.equal(await forgetStale(serving(input)), 0);
  t.equal((await bed.ask(['b9', 'udp', web, 53, ''], 40_002)).word, 'a1 10.2.0.9');
});

t.test('no connection is lost and none is astray while the tables are replaced', async (t) => {
  const others = Array.from({ length: 2_000 }, (_, index) => service(`10.1.${8 + (index >> 8)}.${index & 255}`, ['80:80/tcp'], ['10.1.0.1', '10.1.0.2']));
  const large = planNat({ ...input, services: [...input.services, ...others] });
  t.equal(await bed.open('b9', 2, web, 80), 'a1 10.2.0.9');
  let replacing = true;
  const replaced = (async () => {
    for (let round = 0; round < 5; round += 1) await bed.nftables.replace(tenant, large);
    replacing = false;
  })();
  const words = new Map<string, number>();
  let slowest = 0;
  while (replacing) {
    const start = performance.now();
    for (const answer of [await word('b9', 'tcp', web, 80), await bed.say('b9', 2)]) words.set(answer, (words.get(answer) ?? 0) + 1);
    slowest = Math.max(slowest, performance.now() - start);
  }
  await replaced;
  t.same([...words.keys()].toSorted(), ['a1 10.2.0.9', 'a2 10.2.0.9']);
  // A lost packet would be sent again after 200 ms at the earliest, a lost SYN after a second.
  t.ok(slowest < 1_000, `${[...words.values()].reduce((a, b) => a + b)} answers, the slowest pair after ${slowest.toFixed(0)} ms`);
});

t.test('the router answers a ping of a service IP', async (t) => {
  for (const address of [web, deserted]) for (const from of ['a1', 'a9', 'b9'] as const) t.ok(await reaches(from, address), `${from} ${address}`);
  t.ok(await reaches('c9', remote));
  t.ok(await reaches('b9', web6));
  t.notOk(await reaches('b9', '10.1.0.1'), 'but not that of a container in another network');
  t.ok(await reaches('a9', '10.1.0.1'));
});

t.test('behind the rules no packet has a mark', async (t) => {
  const router = routerName(tenant);
  await inContainer(router, 'nft', 'add table ip watch; add chain ip watch late { type filter hook postrouting priority 200; }; add rule ip watch late meta mark != 0 counter comment "marked"; add rule ip watch late ct status dnat counter comment "translated"');
  t.teardown(() => inContainer(router, 'nft', 'delete table ip watch'));
  await repeated(3, 'b9', 'tcp', triple, 80);
  const lines = (await inContainer(router, 'nft', 'list table ip watch')).split('\n');
  t.match(lines.find((line) => line.includes('"marked"')), /packets 0 /);
  t.match(lines.find((line) => line.includes('"translated"')), /packets [1-9]/);
});

t.test('a TCP connection to a provider that is gone ends at the next packet', async (t) => {
  t.equal(await bed.open('b9', 3, web, 80), 'a1 10.2.0.9');
  t.equal(await bed.open('b9', 4, web, 80), 'a2 10.2.0.9');
  const next = onlyProviders('a2', 'b1');
  await change(next);
  await inContainer('a1', 'ip', 'link', 'set', 'eth0', 'down');
  const living = { addresses: allAlive.filter((address) => !hosts.a1.addresses.some((text) => text === address.toString())), services: next.services };
  t.ok((await forgetStale(living)) >= 1);
  t.equal(await bed.say('b9', 3), 'reset');
  t.equal(await bed.say('b9', 4), 'a2 10.2.0.9', 'others are left alone');
  await change(onlyProviders());
  t.ok((await forgetStale({ addresses: [], services: [] })) >= 1);
  t.equal(await bed.say('b9', 4), 'reset', 'also when there is nobody else');
});
