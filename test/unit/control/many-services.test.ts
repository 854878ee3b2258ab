import t, { type Test } from 'tap';
import { Router } from '../../../daemon/control/router.js';
import { RouterRules } from '../../../daemon/control/router-rules.js';
import { systemClock } from '../../../daemon/control/pace.js';
import { FakeNftables } from '../../../daemon/kernel/nftables-fake.js';
import type { Nftables } from '../../../daemon/kernel/port.js';
import { FakeRouters } from '../../../daemon/kernel/routers-fake.js';
import { countOperations, diffNat, type NatChange } from '../../../src/nat/diff.js';
import { IpAddress } from '../../../src/model/address.js';
import type { NatInput, NatService } from '../../../src/nat/input.js';
import { planBalance, planNat } from '../../../src/nat/plan.js';
import type { NatState } from '../../../src/nat/state.js';
import { network } from '../nat/arbitraries.js';
import { bed as routerBed, ids, target } from './router-bed.js';

const networks = [network('br1', ['10.1.0.0/16', '10.1.255.254'])];
const first = { service: IpAddress.parse('10.1.0.1'), provider: IpAddress.parse('10.1.128.1') };
const providers = Array.from({ length: 10 }, (_, index) => ({ addresses: [first.provider.plus(BigInt(index))] }));
const serviceAt = (index: number): NatService => ({ addresses: [first.service.plus(BigInt(index))], ports: [{ port: 80, targetPort: 8080, protocol: 'tcp' }], providers });
const services = Array.from({ length: 700 }, (_, index) => serviceAt(index));
const of = (number: number): NatInput => ({ networks, services: services.slice(0, number) });

/** What the tables hold after each transaction, and a way to let one fail. */
async function bed(): Promise<{ rules: RouterRules; held: () => Promise<NatState>; seen: { ports: number; legs: number }[]; fail: { at: number }; nftables: FakeNftables }> {
  const routers = new FakeRouters();
  await routers.ensure('blue');
  const nftables = new FakeNftables(routers);
  const seen: { ports: number; legs: number }[] = [];
  const fail = { at: Infinity };
  const held = async (): Promise<NatState> => {
    const found = await nftables.read('blue');
    if (typeof found === 'string') throw new Error(`the tables are ${found}`);
    return found;
  };
  const watched = async (transaction: Promise<void>): Promise<void> => {
    await transaction;
    const { ip } = await held();
    seen.push({ ports: ip.ports.size, legs: ip.legs.size });
  };
  const [replace, apply] = [nftables.replace.bind(nftables), nftables.apply.bind(nftables)];
  nftables.replace = (tenant, state) => watched(replace(tenant, state));
  nftables.apply = (tenant, change) => (seen.length === fail.at ? Promise.reject(new Error('nftables is busy')) : watched(apply(tenant, change)));
  return { rules: new RouterRules('blue', nftables, systemClock), held, seen, fail, nftables };
}

async function bring(rules: RouterRules, number: number): Promise<number> {
  await rules.recall();
  return (await rules.bring(of(number))) + (await rules.count());
}

async function isWhole(t: Test, { rules, held, seen }: Awaited<ReturnType<typeof bed>>, number: number): Promise<void> {
  const state = await held();
  t.equal(countOperations(diffNat(planNat(of(number), state), state)), 0, `all ${number} services are balanced and counted`);
  t.equal(state.ip.ports.size, number);
  t.notOk(rules.areDoubted, 'no transaction was taken for somebody else\'s');
  seen.length = 0;
  t.equal(await bring(rules, number), 0, 'and nothing is left to do');
  t.strictSame(seen, []);
}

t.test('few services are there with one transaction', async (t) => {
  const few = await bed();
  await bring(few.rules, 20);
  t.strictSame(few.seen, [{ ports: 20, legs: 200 }]);
  await isWhole(t, few, 20);
});

t.test('of many, all that balances comes at once, and before what counts', async (t) => {
  const many = await bed();
  await bring(many.rules, 700);
  t.strictSame(many.seen.slice(0, 2), [{ ports: 0, legs: 0 }, { ports: 700, legs: 0 }]);
  t.ok(many.seen.length > 3, `legs come in ${many.seen.length - 2} transactions`);
  t.equal(many.seen.at(-1)?.legs, 7_000);
  await isWhole(t, many, 700);
});

t.test('while one transaction is under way the next one is made ready', async (t) => {
  const many = await bed();
  const nftables: Nftables = many.nftables;
  const done: string[] = [];
  const prepared = new Set<NatChange>();
  nftables.prepare = (change) => void (prepared.add(change), done.push('prepared'));
  const apply = nftables.apply.bind(nftables);
  nftables.apply = async (tenant, change) => {
    done.push(prepared.has(change) ? 'begun' : 'begun without');
    await apply(tenant, change);
    done.push('ended');
  };
  await bring(many.rules, 700);
  const counting = ['begun without', 'prepared', 'ended', 'begun', 'ended'];
  t.strictSame(done, ['prepared', 'begun', 'ended', ...counting], 'and not before, as each takes room');
});

t.test('of very many, what balances comes in pieces if there was nothing', async (t) => {
  const most = await bed();
  const input: NatInput = { networks, services: Array.from({ length: 6000 }, (_, index) => serviceAt(index)) };
  await most.rules.recall();
  await most.rules.bring(input);
  const [nothing, ...pieces] = most.seen.map(({ ports }) => ports);
  t.equal(nothing, 0);
  t.ok(pieces.length === 3 && pieces.every((ports, index) => ports > (pieces[index - 1] ?? 0)), `there are ${pieces.join(', ')} after each`);
  t.equal(countOperations(diffNat(planBalance(input), await most.held())), 0, 'then all that balances is there');
  t.notOk(most.rules.areDoubted);
});

t.test('they come besides others, and go', async (t) => {
  const many = await bed();
  await bring(many.rules, 20);
  many.seen.length = 0;
  await bring(many.rules, 700);
  t.strictSame(many.seen.slice(0, 2), [{ ports: 20, legs: 200 }, { ports: 700, legs: 200 }], 'first the chains, then all that balances');
  await isWhole(t, many, 700);
  await bring(many.rules, 20);
  await isWhole(t, many, 20);
});

t.test('after a failure in between they are there with the next pass', async (t) => {
  for (const at of [1, 2, 3]) {
    const many = await bed();
    many.fail.at = at;
    await t.rejects(bring(many.rules, 700), /nftables is busy/, `transaction ${at} fails`);
    many.fail.at = Infinity;
    await bring(many.rules, 700);
    await isWhole(t, many, 700);
  }
});

t.test('what counts comes after the links by which services are reached', async (t) => {
  const { kernel, done } = routerBed();
  const router = new Router('blue', kernel);
  const usual = target(ids);
  const addresses = services.flatMap((service) => service.addresses);
  await router.reconcile({ ...usual, fabric: { ...usual.fabric, serviceAddresses: addresses }, nat: { ...usual.nat, services }, living: { addresses: [], services } });
  const routes = done.flatMap((each, index) => (each === 'addRoute' ? [index] : []));
  t.ok(routes.length >= services.length);
  t.ok(done.indexOf('rules') < (routes[0] ?? 0), 'what balances comes before');
  t.ok(done.lastIndexOf('rules') > (routes.at(-1) ?? Infinity), 'and what counts after');
});
