import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Test } from 'tap';
import type { Nftables, Routers } from '../../daemon/kernel/port.js';
import { diffNat } from '../../src/nat/diff.js';
import type { FamilyChange, NatChange } from '../../src/nat/diff.js';
import { planNat } from '../../src/nat/plan.js';
import { emptyNat } from '../../src/nat/state.js';
import type { NatState } from '../../src/nat/state.js';
import { natInput, network, service } from '../unit/nat/arbitraries.js';

const networks = [{ ...network('br1', ['10.1.0.0/24', '10.1.0.254'], ['2001:db8:1::/64']), outward: true, fromHost: true }, network('br2', ['10.2.0.0/24'])];
const web = (...providers: string[]) => service(['10.1.0.100', '2001:db8:1::100'], ['80:8080/tcp', '53:53/udp'], providers);
const shop = service('10.1.0.101', ['80:80/tcp'], ['10.1.0.1', '10.2.0.1']);

const two = planNat({ networks, services: [web('10.1.0.1', '10.1.0.2', '2001:db8:1::1')] });
/** A provider less, another service, a network less: elements and a chain come, go and change. */
const one = planNat({ networks: networks.slice(0, 1), services: [web('10.1.0.2'), shop] }, two);

/** The same without the chains that it does not use; and before that, with nothing leading to them. */
const tidied: NatState = { ip: planNat({ networks: networks.slice(0, 1), services: [web('10.1.0.2'), shop] }).ip, ip6: one.ip6 };
const closed: NatState = { ...one, ip: { ...one.ip, balancers: tidied.ip.balancers } };

const nothing: FamilyChange = { chains: [], deletes: [], adds: [], unused: [] };
const onlyIp = (change: Partial<FamilyChange>): NatChange => ({ ip: { ...nothing, ...change }, ip6: nothing });

const webPort = '10.1.0.100 . tcp . 80';
const webSlot = { set: 'slots', key: `${webPort} . 0`, data: '10.1.0.1 . 8080' } as const;
const newIp = { set: 'service_ips', key: '10.1.0.102' } as const;

interface Case {
  readonly name: string;
  /** The content of the tables before; absent: there are none. */
  readonly before?: NatState;
  readonly change: NatChange;
  /** Absent: the change is refused and the tables are as they were. */
  readonly after?: NatState;
}

const cases: readonly Case[] = [
  { name: 'from the constant rules to a plan', before: emptyNat, change: diffNat(two, emptyNat), after: two },
  { name: 'from one plan to another', before: two, change: diffNat(one, two), after: one },
  { name: 'back to nothing, but for the chains', before: two, change: diffNat(emptyNat, two), after: { ip: { ...emptyNat.ip, chains: two.ip.chains }, ip6: { ...emptyNat.ip6, chains: two.ip6.chains } } },
  { name: 'nothing', before: two, change: diffNat(two, two), after: two },
  { name: 'an element that exists with the same data', before: two, change: onlyIp({ adds: [webSlot] }), after: two },
  { name: 'an element deleted and added again', before: two, change: onlyIp({ deletes: [webSlot], adds: [webSlot] }), after: two },
  { name: 'an element that exists with other data', before: two, change: onlyIp({ adds: [newIp, { ...webSlot, data: '10.1.0.9 . 8080' }] }) },
  { name: 'a deletion of what is missing', before: two, change: onlyIp({ adds: [newIp], deletes: [{ ...webSlot, key: `${webPort} . 7` }] }) },
  { name: 'a chain that exists', before: two, change: onlyIp({ chains: [{ algorithm: 'roundrobin', slots: 2, turn: 0 }], adds: [newIp] }) },
  { name: 'the ways to chains that nobody uses go', before: one, change: diffNat(tidied, one), after: closed },
  { name: 'a chain that nothing leads to is deleted', before: closed, change: diffNat(tidied, closed), after: tidied },
  { name: 'the deletion of a chain that is in use', before: two, change: onlyIp({ adds: [newIp], unused: [{ algorithm: 'roundrobin', slots: 2, turn: 0 }] }) },
  { name: 'the deletion of a chain that does not exist', before: two, change: onlyIp({ adds: [newIp], unused: [{ algorithm: 'roundrobin', slots: 9, turn: 9 }] }) },
  { name: 'a way to a chain that does not exist', before: two, change: onlyIp({ adds: [newIp, { set: 'balancers', key: '2313', data: 'goto balance_9_9' }] }) },
  { name: 'a refusal in one family keeps the other from changing', before: two, change: { ip: { ...nothing, adds: [newIp] }, ip6: { ...nothing, deletes: [{ set: 'service_ips', key: '2001:db8::dead' }] } } },
  { name: 'a change without tables', change: onlyIp({ adds: [newIp] }) },
];

/** What every implementation of Nftables does, in routers that it shares with `routers`. */
export async function nftablesContract(t: Test, routers: Routers, nftables: Nftables, numRuns: number): Promise<void> {
  const inRouter = async (t: Test): Promise<void> => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
  };

  for (const { name, before, change, after } of cases) {
    await t.test(`${after ? 'applied' : 'refused'}: ${name}`, async (t) => {
      await inRouter(t);
      if (before) await nftables.replace('blue', before);
      const applied = nftables.apply('blue', change);
      await (after ? applied : t.rejects(applied, { name: 'NetctlError', code: 'internal' }));
      holds(t, await nftables.read('blue'), after ?? before ?? 'missing');
    });
  }

  await t.test('a router without tables', async (t) => {
    await inRouter(t);
    t.equal(await nftables.read('blue'), 'missing');
    await nftables.apply('blue', diffNat(two, two));
    t.equal(await nftables.read('blue'), 'missing', 'an empty change makes none');
  });

  await t.test('replacing leaves nothing of what was', async (t) => {
    await inRouter(t);
    for (const state of [emptyNat, two, one, two, emptyNat]) {
      await nftables.replace('blue', state);
      holds(t, await nftables.read('blue'), state);
    }
  });

  await t.test('any plan follows any other', async (t) => {
    await inRouter(t);
    let held: NatState = emptyNat;
    await nftables.replace('blue', held);
    const property = fc.asyncProperty(natInput, fc.boolean(), async (input, anew) => {
      const desired = anew ? planNat(input) : planNat(input, held);
      await (anew ? nftables.replace('blue', desired) : nftables.apply('blue', diffNat(desired, held)));
      held = desired;
      assert.deepEqual(linesOf(await nftables.read('blue')), linesOf(desired));
    });
    // What failed must be tried again from the same state, which is gone: no shrinking.
    await t.resolves(fc.assert(property, { numRuns, endOnFailure: true }));
  });

  await t.test('the generation is another one after every change, and only then', async (t) => {
    await inRouter(t);
    const seen = new Set<number>();
    const next = async (what: string): Promise<void> => {
      const generation = await nftables.generation('blue');
      t.notOk(seen.has(generation), what);
      seen.add(generation);
      t.equal(await nftables.generation('blue'), generation, 'asked again');
    };
    await next('without tables');
    await nftables.replace('blue', two);
    await next('tables are made');
    await nftables.replace('blue', two);
    await next('they are made anew, with the same content');
    await nftables.apply('blue', diffNat(one, two));
    await next('a change is applied');
    const before = await nftables.generation('blue');
    await t.rejects(nftables.apply('blue', diffNat(one, two)));
    await nftables.apply('blue', diffNat(one, one));
    await nftables.read('blue');
    t.equal(await nftables.generation('blue'), before, 'not by what was refused, nothing, and reading');
  });

  await t.test('a change that was prepared is carried out when it is its turn, and not before', async (t) => {
    await inRouter(t);
    await nftables.replace('blue', two);
    const change = diffNat(one, two);
    nftables.prepare(change);
    holds(t, await nftables.read('blue'), two);
    await nftables.apply('blue', change);
    holds(t, await nftables.read('blue'), one);
    await t.rejects(nftables.apply('blue', change), 'once more it is as if it had not been prepared');
  });

  await t.test('what nothing has passed through yet has carried nothing', async (t) => {
    await inRouter(t);
    t.same(await nftables.traffic('blue'), [], 'without tables');
    await nftables.replace('blue', one);
    const lines = (await nftables.traffic('blue')).map(({ service, protocol, port, provider, ...carried }) => `${service.toString()} ${protocol} ${port} ${provider.toString()} ${JSON.stringify(carried)}`);
    const nothing = '{"connections":0,"received":{"packets":0,"bytes":0},"sent":{"packets":0,"bytes":0}}';
    t.same(lines.toSorted(), ['10.1.0.100 tcp 80 10.1.0.2', '10.1.0.100 udp 53 10.1.0.2', '10.1.0.101 tcp 80 10.1.0.1', '10.1.0.101 tcp 80 10.2.0.1'].map((leg) => `${leg} ${nothing}`));
  });

  await t.test('without a router nothing can be read or applied', async (t) => {
    await t.rejects(nftables.read('nobody'), { code: 'unavailable' });
    await t.rejects(nftables.replace('nobody', two), { code: 'unavailable' });
    await t.rejects(nftables.generation('nobody'), { code: 'unavailable' });
    await t.rejects(nftables.traffic('nobody'), { code: 'unavailable' });
    await t.rejects(nftables.apply('nobody', diffNat(two, emptyNat)), { code: 'unavailable' });
  });

  await t.test('routers share nothing', async (t) => {
    await inRouter(t);
    await routers.ensure('red');
    t.teardown(() => routers.remove('red'));
    await nftables.replace('blue', two);
    await nftables.replace('red', one);
    holds(t, await nftables.read('blue'), two);
    holds(t, await nftables.read('red'), one);
  });
}

/** Maps keep the order in which they were filled, which says nothing here. */
function holds(t: Test, found: NatState | string, expected: NatState | string): void {
  t.same(linesOf(found), linesOf(expected));
}

function linesOf(state: NatState | string | undefined): string[] | string | undefined {
  return typeof state !== 'object' ? state : (['ip', 'ip6'] as const).flatMap((family) => {
    const { chains, balancers, ports, serviceIps, legs, hairpins, bridges, routed } = state[family];
    const items = [...chains, ...[...balancers.keys()].map((name) => `to ${name}`), ...ports, ...serviceIps, ...legs, ...hairpins, ...bridges, ...routed];
    return items.map((item) => `${family} ${JSON.stringify(item)}`).toSorted();
  });
}
