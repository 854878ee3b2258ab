import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { stepped } from '../../../daemon/kernel/host-model.js';
import { defaultUplinkRanges, uplinkLink } from '../../../src/fabric/uplink.js';
import { absentLinks, diffHost } from '../../../src/host/diff.js';
import type { HostUplink } from '../../../src/host/input.js';
import { hostState } from '../../../src/host/keys.js';
import { planHost } from '../../../src/host/plan.js';
import { linkSettings } from '../../../src/host/settings.js';
import type { HostState, HostStep } from '../../../src/host/state.js';
import { Prefix } from '../../../src/model/address.js';
import { holds } from '../fabric/arbitraries.js';
import { disturbances, hostInput } from './arbitraries.js';

/** A host on which routers have just made the links of the plan: nothing is on them. */
function fresh(plan: HostState): HostState {
  const links = [...plan.links.values()].map((link) => ({ ...link, up: false }));
  const settings = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding', ...links.flatMap(({ name }) => linkSettings(name, new Set([4, 6])).map(([path]) => path))];
  return hostState({ links, settings: settings.map((path) => [path, 'new'] as const), accepts: [['4 in', false], ['4 out', false], ['6 in', false], ['6 out', false]] });
}

/** What routers do meanwhile: they make the links that the plan wants. */
function withLinks(state: HostState, plan: HostState): HostState {
  const made = fresh(plan);
  const missing = [...made.links].filter(([name]) => !state.links.has(name));
  const settings = [...made.settings].filter(([path]) => !state.settings.has(path));
  return { ...state, links: new Map([...state.links, ...missing]), settings: new Map([...state.settings, ...settings]) };
}

const after = (state: HostState, steps: readonly HostStep[]): HostState => steps.reduce(stepped, state);

/** As plain data, in a fixed order, without settings of which nothing is wanted. */
function comparable(state: HostState, plan: HostState): unknown {
  const sorted = (items: ReadonlyMap<string, unknown>): unknown => [...items].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const settings = [...state.settings].filter(([path]) => plan.settings.has(path));
  return JSON.parse(JSON.stringify([sorted(state.links), sorted(state.addresses), sorted(state.neighbours), sorted(state.routes), sorted(new Map(settings)), sorted(state.accepts), state.rules]));
}

/** From the state of one plan, disturbed, to another one. */
const journey = hostInput.map(planHost).chain((first) => fc.tuple(fc.constant(first), disturbances(first), hostInput.map(planHost)));

function observed(first: HostState, harm: readonly HostStep[], second: HostState): HostState {
  const start = after(fresh(first), diffHost(first, fresh(first)));
  // What cannot be done to the host is not done to it.
  const harmed = harm.reduce((state, step) => {
    try {
      return stepped(state, step);
    } catch {
      return state;
    }
  }, start);
  return withLinks(harmed, second);
}

t.test('the steps lead from any observed state to the desired one, and none is refused', (t) => {
  holds(
    t,
    fc.property(journey, ([first, harm, second]) => {
      const found = observed(first, harm, second);
      return isDeepStrictEqual(comparable(after(found, diffHost(second, found)), second), comparable(second, second));
    }),
  );
  t.end();
});

t.test('after them nothing differs', (t) => {
  holds(
    t,
    fc.property(journey, ([first, harm, second]) => {
      const found = observed(first, harm, second);
      return diffHost(second, after(found, diffHost(second, found))).length === 0;
    }),
  );
  t.end();
});

t.test('every step changes something', (t) => {
  holds(
    t,
    fc.property(journey, ([first, harm, second]) => {
      let state = observed(first, harm, second);
      return diffHost(second, state).every((step) => {
        const before = state;
        state = stepped(state, step);
        // The policy is no part of the state: it is only set, when forwarding begins, which is the step's sign.
        return step.action === 'closeForward' || !isDeepStrictEqual(state, before);
      });
    }),
  );
  t.end();
});

const uplink = (index: number, ...subnets: string[]): HostUplink => ({
  link: uplinkLink({ host: 'h1', tenant: 'blue', index }, defaultUplinkRanges),
  subnets: subnets.map((text) => Prefix.parse(text)),
  reachable: [],
  publications: [],
});
const actions = (steps: readonly HostStep[]): string[] => [...new Set(steps.map(({ action }) => action))];

t.test('rules are there before anything is forwarded or comes up, and go last', (t) => {
  const plan = planHost({ uplinks: [uplink(0, '10.1.0.0/24')] });
  const steps = diffHost(plan, fresh(plan));
  t.same(actions(steps), ['setRules', 'closeForward', 'setSetting', 'setAccept', 'setLink', 'addAddress', 'setNeighbour']);
  t.same(actions(diffHost(planHost({ uplinks: [] }), after(fresh(plan), steps))), ['setAccept', 'deleteLink', 'deleteRules']);
  t.end();
});

t.test('of a link that is absent nothing is wanted, and it is told', (t) => {
  const plan = planHost({ uplinks: [uplink(0, '10.1.0.0/24'), uplink(1, '10.1.0.0/24')] });
  const found = fresh(planHost({ uplinks: [uplink(0, '10.1.0.0/24')] }));
  t.same(absentLinks(plan, found), ['nu-1']);
  const steps = diffHost(plan, found);
  t.same(steps.filter((step) => step.action !== 'setRules' && JSON.stringify(step).includes('nu-1')), []);
  t.same(absentLinks(plan, withLinks(after(found, steps), plan)), []);
  t.end();
});

t.test('a host that begins to forward IPv6 goes on to take router advertisements where it does', (t) => {
  const plan = planHost({ uplinks: [uplink(0, 'fd00:1::/64')] });
  const found = fresh(plan);
  const settings = new Map([...found.settings, ['ipv6/conf/all/forwarding', '0'], ['ipv6/conf/eth0/accept_ra', '1'], ['ipv6/conf/eth1/accept_ra', '0'], ['ipv6/conf/nu-0/accept_ra', '1']]);
  const written = (state: HostState): string[] => diffHost(plan, state).flatMap((step) => (step.action === 'setSetting' ? [`${step.path}=${step.value}`] : []));
  t.same(written({ ...found, settings }).slice(0, 2), ['ipv6/conf/eth0/accept_ra=2', 'ipv6/conf/all/forwarding=1']);
  t.notOk(written({ ...found, settings }).some((text) => text.includes('eth1')));
  t.ok(written({ ...found, settings }).includes('ipv6/conf/nu-0/accept_ra=0'));
  t.notOk(written({ ...found, settings: new Map([...settings, ['ipv6/conf/all/forwarding', '1']]) }).some((text) => text.includes('eth0')));
  t.notOk(diffHost(planHost({ uplinks: [uplink(0, '10.1.0.0/24')] }), { ...found, settings }).some((step) => step.action === 'setSetting' && step.path.startsWith('ipv6')), 'without a network that has IPv6 it does not begin');
  t.end();
});

t.test('a host that begins to forward a family does so for nobody else, and one that forwarded already keeps its policy', (t) => {
  const plan = planHost({ uplinks: [uplink(0, '10.1.0.0/24', 'fd00:1::/64')] });
  const closed = (state: HostState): number[] => diffHost(plan, state).flatMap((step) => (step.action === 'closeForward' ? [step.family] : []));
  const found = fresh(plan);
  const forwards = (...paths: string[]): HostState => ({ ...found, settings: new Map([...found.settings, ...paths.map((path) => [path, '1'] as const)]) });
  t.same(closed(found), [4, 6]);
  t.same(closed(forwards('ipv4/ip_forward')), [6]);
  t.same(closed(forwards('ipv4/ip_forward', 'ipv6/conf/all/forwarding')), []);
  t.same(closed({ ...found, accepts: new Map([['4 in', false], ['4 out', false]]) }), [4], 'without ip6tables there is no chain');
  const [, last] = diffHost(plan, found).filter(({ action }) => action === 'closeForward');
  const steps = diffHost(plan, found);
  t.ok(steps.indexOf(last ?? { action: 'deleteRules' }) < steps.findIndex(({ action }) => action === 'setSetting'), 'there is no moment in between');
  t.end();
});

t.test('a host without iptables, or without IPv6, lacks nothing', (t) => {
  const plan = planHost({ uplinks: [uplink(0, '10.1.0.0/24')] });
  const found: HostState = { ...after(fresh(plan), diffHost(plan, fresh(plan))), accepts: new Map(), settings: new Map() };
  t.same(diffHost(plan, found), []);
  t.end();
});
