import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { IpAddress } from '../../../src/model/address.js';
import { countOperations, diffNat } from '../../../src/nat/diff.js';
import type { NatInput, NatService } from '../../../src/nat/input.js';
import { planNat } from '../../../src/nat/plan.js';
import { StandingPlan } from '../../../src/nat/standing-plan.js';
import { emptyNat, type NatState } from '../../../src/nat/state.js';
import { natInput, network, service } from './arbitraries.js';

const networks = [network('br1', ['10.1.0.0/16', '10.1.255.254'])];

/** As a set of lines: in which order a change names its elements says nothing. */
function linesOf(change: object): string[] {
  return Object.entries(change).flatMap(([family, kinds]) => Object.entries(kinds as Record<string, object[]>).flatMap(([kind, items]) => items.map((item) => `${family} ${kind} ${JSON.stringify(item)}`))).toSorted();
}

/** A copy that no later change of a plan touches. */
function snapshot({ ip, ip6 }: NatState): NatState {
  const of = (family: NatState['ip']): NatState['ip'] => ({ ...family, chains: new Map(family.chains), balancers: new Map(family.balancers), ports: new Map(family.ports), serviceIps: new Map(family.serviceIps), legs: new Map(family.legs), hairpins: new Map(family.hairpins) });
  return { ip: of(ip), ip6: of(ip6) };
}

/** The services of `next` that are as in `before` are the same objects. */
const steps = natInput.chain((first) =>
  fc.array(fc.tuple(natInput, fc.array(fc.boolean(), { minLength: 10, maxLength: 10 })), { minLength: 1, maxLength: 6 }).map((others) => {
    const inputs: NatInput[] = [first];
    for (const [other, keep] of others) {
      const before = inputs.at(-1)?.services ?? [];
      const kept = before.filter((_, index) => keep[index] === true);
      const taken = new Set(kept.flatMap(({ addresses }) => addresses.map(String)));
      // Of another service with an address that is taken nothing is known in the field.
      const come = other.services.filter(({ addresses }) => addresses.every((address) => !taken.has(address.toString())));
      inputs.push({ networks: first.networks, services: [...kept, ...come] });
    }
    return inputs;
  }),
);

t.test('service by service it comes to what a whole plan comes to', (t) => {
  let continued = 0;
  const property = fc.property(steps, ([first, ...rest]) => {
    let [held, plan] = start(first ?? { networks, services: [] }, emptyNat);
    for (const input of rest) {
      const whole = planNat(input, held);
      const change = plan.change(input);
      if (change) {
        continued += 1;
        assert.deepEqual(plan.state, whole);
        assert.deepEqual(linesOf(change), linesOf(diffNat(whole, held)));
        held = snapshot(plan.state);
      } else {
        [held, plan] = start(input, held);
      }
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }));
  t.ok(continued > 200, `${continued} changes did without a whole plan`);
  t.end();
});

function start(input: NatInput, previous: NatState): [NatState, StandingPlan] {
  const state = planNat(input, previous);
  return [state, new StandingPlan(input, state)];
}

t.test('reverted it is as before', (t) => {
  const property = fc.property(steps, ([first, second]) => {
    const [held, plan] = start(first ?? { networks, services: [] }, emptyNat);
    plan.change(second ?? { networks, services: [] });
    plan.revert();
    assert.deepEqual(plan.state, held);
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

/** So many services with ten providers each, and a change of one of them. */
function many(count: number): { before: NatInput; after: NatInput } {
  const address = (first: string, index: number): string => IpAddress.parse(first).plus(BigInt(index)).toString();
  const providers = Array.from({ length: 10 }, (_, index) => address('10.1.200.1', index));
  const services = Array.from({ length: count }, (_, index) => service(address('10.1.0.1', index), ['80:8080/tcp'], providers));
  const changed = services.map((each, index): NatService => (index === 5 ? { ...each, providers: each.providers.slice(0, 9) } : each));
  return { before: { networks, services }, after: { networks, services: changed } };
}

t.test('a change is the same work among ten services and among five thousand', (t) => {
  const operations = [10, 5_000].map((count) => {
    const { before, after } = many(count);
    const plan = new StandingPlan(before, planNat(before));
    const change = plan.change(after);
    return change && countOperations(change);
  });
  // The port's own element leads to another chain, and the chain and the way to it are new; nine keep their slots, and the tenth's and its leg with two directions go.
  t.same(operations, [8, 8]);
  t.end();
});

t.test('what one service alone does not tell needs a whole plan', (t) => {
  const { before, after } = many(10);
  const fresh = (input = before): StandingPlan => new StandingPlan(input, planNat(input));
  t.equal(fresh().change({ ...after, networks: [] }), undefined, 'other networks');
  t.equal(fresh().change({ networks: [network('br1', ['10.1.0.0/16', '10.1.255.253'])], services: before.services }), undefined, 'another gateway');
  t.ok(fresh().change({ networks: [network('br1', ['10.1.0.0/16', '10.1.255.254'])], services: before.services }), 'not the same networks made anew');
  t.equal(fresh().change({ networks, services: [...before.services, service('10.1.0.1', ['80:80/tcp'], ['10.1.200.9'])] }), undefined, 'a second service of a service port');
  const closed = { ...before, networks: [network('br1', ['10.1.0.0/16'])] };
  t.equal(fresh(closed).change({ ...closed, services: closed.services.slice(1) }), undefined, 'a lowest service IP that goes, without a gateway');
  t.ok(fresh(closed).change({ ...closed, services: closed.services.slice(0, -1) }), 'not one that is not the lowest');
  t.same(fresh().change({ networks, services: before.services }), diffNat(emptyNat, emptyNat), 'nothing');
  t.end();
});
