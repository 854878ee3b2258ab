import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { stepped } from '../../../daemon/kernel/fabric-model.js';
import { diffFabric } from '../../../src/fabric/diff.js';
import { fabricState } from '../../../src/fabric/keys.js';
import { portName } from '../../../src/fabric/names.js';
import { planFabric } from '../../../src/fabric/plan.js';
import type { FabricOverlay, FabricState, FabricStep } from '../../../src/fabric/state.js';
import { defaultUplinkRanges, uplinkLink, type UplinkLink } from '../../../src/fabric/uplink.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';
import { comparable, disturbances, fabricInput, holds } from './arbitraries.js';

const nothing = fabricState({});

/** A router as some earlier plan left it, with some of it disturbed since. */
const observed = fabricInput.chain((input) => {
  const made = carriedOut(nothing, diffFabric(planFabric(input), nothing));
  return disturbances(made).map((steps) => tolerantly(made, steps));
});

function carriedOut(state: FabricState, steps: readonly FabricStep[]): FabricState {
  return steps.reduce(stepped, state);
}

/** A disturbance of what an earlier one removed is none. */
function tolerantly(state: FabricState, steps: readonly FabricStep[]): FabricState {
  return steps.reduce((before, step) => {
    try {
      return stepped(before, step);
    } catch {
      return before;
    }
  }, state);
}

t.test('the steps lead from any observed state to the desired one, and none is refused', (t) => {
  holds(
    t,
    fc.property(fabricInput, observed, (input, before) => {
      const desired = planFabric(input);
      const after = carriedOut(before, diffFabric(desired, before));
      return isDeepStrictEqual(comparable(after), comparable(desired));
    }),
    1000,
  );
  t.end();
});

t.test('every step changes something', (t) => {
  holds(
    t,
    fc.property(fabricInput, observed, (input, before) => {
      let state = before;
      return diffFabric(planFabric(input), before).every((step) => {
        const last = state;
        state = stepped(state, step);
        return !isDeepStrictEqual(comparable(state), comparable(last));
      });
    }),
    500,
  );
  t.end();
});

t.test('equals differ in nothing', (t) => {
  holds(t, fc.property(fabricInput, (input) => diffFabric(planFabric(input), planFabric(input)).length === 0));
  t.end();
});

t.test('what is added leaves what was there alone', (t) => {
  holds(
    t,
    fc.property(fabricInput, fabricInput, (input, more) => {
      const networks = [...input.networks, ...more.networks.filter(({ vni }) => !input.networks.some((network) => network.vni === vni))];
      // The first network of a family gives an uplink its addresses, and an IPv6 service IP goes to the bridge of its network.
      const { uplink: _, ...rest } = input;
      const fixed = { ...rest, serviceAddresses: input.serviceAddresses.filter(({ family }) => family === 4) };
      const before = planFabric(fixed);
      const steps = diffFabric(planFabric({ ...fixed, networks }), before);
      return steps.every((step) => isAddition(step) && !before.links.has(linkOf(step)));
    }),
  );
  t.end();
});

function isAddition(step: FabricStep): boolean {
  return /^(create|add)|^setNeighbour$|^setFdb$/.test(step.action);
}

function linkOf(step: FabricStep): string {
  if ('name' in step) return step.name;
  if ('link' in step) return step.link.name;
  if ('route' in step) return step.route.link;
  if ('entry' in step) return step.entry.link;
  return 'address' in step ? step.address.link : step.neighbour.link;
}

const id = 'c0ffee'.padEnd(64, '0');
const endpoint = { id, addresses: [IpAddress.parse('10.1.0.1')], mac: Mac.parse('02:02:0a:01:00:01') };
const networks = [1, 2].map((vni) => ({ vni, subnets: [{ prefix: Prefix.parse(`10.${vni}.0.0/24`) }] }));

t.test('a port that moves to another network is attached there, and its peer left alone', (t) => {
  const [from, to] = [1, 2].map((vni) => planFabric({ networks, endpoints: [{ ...endpoint, vni }], serviceAddresses: [] })) as [FabricState, FabricState];
  t.match(diffFabric(to, from), [{ action: 'deleteNeighbour' }, { action: 'setPort', link: { bridge: 'br2' } }, { action: 'setNeighbour' }]);
  t.equal(diffFabric(to, from).length, 3);
  t.end();
});

t.test('ports are deleted before their bridge, and what goes with them is not deleted by itself', (t) => {
  const steps = diffFabric(nothing, planFabric({ networks, endpoints: [{ ...endpoint, vni: 1 }], serviceAddresses: [] }));
  t.same(steps, [portName(id), 'br1', 'br2'].map((name) => ({ action: 'deleteLink', name })));
  t.end();
});

t.test('a bridge that is changed gets its neighbours again: the kernel drops them', (t) => {
  const desired = planFabric({ networks, endpoints: [{ ...endpoint, vni: 1 }], serviceAddresses: [] });
  const other = { kind: 'bridge', name: 'br1', mac: Mac.parse('02:00:00:00:00:01'), mtu: 1500, netfilter: false, up: true } as const;
  const steps = diffFabric(desired, { ...desired, links: new Map([...desired.links, ['br1', other]]) });
  t.same(steps.map(({ action }) => action), ['setBridge', 'setNeighbour']);
  t.end();
});

t.test('a port without its peer is no plan', (t) => {
  const port = { kind: 'port', name: 'vr-0123456789ab', hairpin: true, mtu: 1500, up: true } as const;
  t.throws(() => diffFabric(fabricState({ links: [port] }), nothing), TypeError);
  t.end();
});

const blue = uplinkLink({ host: 'h1', tenant: 'blue', index: 0 }, defaultUplinkRanges);
const other = uplinkLink({ host: 'h1', tenant: 'blue', index: 1 }, defaultUplinkRanges);
const withUplink = (uplink: UplinkLink): FabricState => planFabric({ networks: [{ vni: 1, subnets: [{ prefix: Prefix.parse('10.1.0.0/24') }] }], endpoints: [], serviceAddresses: [], uplink });
const wordsOf = (steps: readonly FabricStep[]): string[] => steps.map((step) => `${step.action} ${linkOf(step)}`);

t.test('an uplink of another number, or whose end at the host is gone, is made anew', (t) => {
  const anew = ['deleteLink uplink', 'createUplink uplink', 'addAddress uplink', 'addRoute uplink', 'setNeighbour uplink'];
  t.same(wordsOf(diffFabric(withUplink(other), withUplink(blue))), anew);
  const torn = withUplink(blue);
  const link = torn.links.get('uplink');
  if (link?.kind !== 'uplink') throw new TypeError('there is no uplink');
  const { peer: _, ...alone } = link;
  t.same(wordsOf(diffFabric(withUplink(blue), { ...torn, links: new Map([...torn.links, ['uplink', alone]]) })), anew);
  t.same(wordsOf(diffFabric(withUplink(blue), { ...torn, links: new Map([...torn.links, ['uplink', { ...link, up: false }]]) })), ['setUplink uplink']);
  t.end();
});

t.test('an uplink that nobody wants goes, with all that is on it', (t) => {
  const { uplink: _, ...without } = { networks: [{ vni: 1, subnets: [{ prefix: Prefix.parse('10.1.0.0/24') }] }], endpoints: [], serviceAddresses: [], uplink: blue };
  t.same(wordsOf(diffFabric(planFabric(without), withUplink(blue))), ['deleteLink uplink']);
  t.end();
});

const overlay = { local: IpAddress.parse('192.0.2.1'), port: 4789, mtu: 1450, remotes: [] };
const remote = { vni: 1, addresses: [IpAddress.parse('10.1.0.2')], mac: Mac.parse('02:02:0a:01:00:02'), underlay: IpAddress.parse('192.0.2.2') };
const spread = (changes: Partial<FabricOverlay>): FabricState => planFabric({ networks: networks.slice(0, 1), endpoints: [{ ...endpoint, vni: 1 }], serviceAddresses: [], overlay: { ...overlay, ...changes } });

t.test('an endpoint that moves to another host, or whose host gets another address, is never without a way', (t) => {
  const moved = { ...remote, underlay: IpAddress.parse('192.0.2.3') };
  const steps = diffFabric(spread({ remotes: [moved] }), spread({ remotes: [remote] }));
  t.match(steps, [
    { action: 'setFdb', entry: { kind: 'flood', destination: moved.underlay } },
    { action: 'setFdb', entry: { kind: 'unicast', destination: moved.underlay } },
    { action: 'deleteFdb', entry: { kind: 'flood', destination: remote.underlay } },
  ]);
  t.equal(steps.length, 3, 'its neighbour entry stays');
  t.end();
});

t.test('another MTU reaches every link, without a neighbour lost', (t) => {
  t.same(diffFabric(spread({ mtu: 1350 }), spread({})), ['vx1', 'br1', portName(id)].map((name) => ({ action: 'setMtu', name, mtu: 1350 })));
  t.end();
});

t.test('a VXLAN link that has another address or port is made anew with its entries', (t) => {
  for (const change of [{ local: IpAddress.parse('192.0.2.9') }, { port: 4790 }]) {
    t.same(wordsOf(diffFabric(spread({ remotes: [remote], ...change }), spread({ remotes: [remote] }))), ['deleteLink vx1', 'createVxlan vx1', 'setFdb vx1', 'setFdb vx1']);
  }
  t.end();
});

t.test('one that left its bridge is attached, and its entries are made there again', (t) => {
  const desired = spread({ remotes: [remote] });
  const link = desired.links.get('vx1');
  if (link?.kind !== 'vxlan') throw new TypeError('the link is not planned');
  const { bridge: _, ...alone } = link;
  const fdb = new Map([...desired.fdb].map(([key, entry]) => [key, entry.kind === 'unicast' ? { ...entry, bridged: false } : entry]));
  t.same(wordsOf(diffFabric(desired, { ...desired, fdb, links: new Map([...desired.links, ['vx1', alone]]) })), ['setVxlan vx1', 'setFdb vx1']);
  t.end();
});

t.test('a host without others holds nothing of the overlay', (t) => {
  const single = planFabric({ networks: networks.slice(0, 1), endpoints: [{ ...endpoint, vni: 1 }], serviceAddresses: [] });
  t.same(wordsOf(diffFabric(single, spread({ mtu: 1500, remotes: [remote] }))), ['deleteNeighbour br1', 'deleteLink vx1']);
  t.end();
});
