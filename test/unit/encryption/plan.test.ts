import t from 'tap';
import { diffTunnels } from '../../../src/encryption/diff.js';
import { deviceName, isDeviceName } from '../../../src/encryption/names.js';
import { planTunnels } from '../../../src/encryption/plan.js';
import { tunnelState, type TunnelPeer, type TunnelState } from '../../../src/encryption/state.js';
import { carriedOut, ip, other, own, tunnel } from './bed.js';

const none = tunnelState([], []);
const actions = (desired: TunnelState, observed: TunnelState, now = 0): string[] => diffTunnels(desired, observed, now).map(({ action }) => action);

/** With another peer under that key. */
function withPeer(state: TunnelState, device: string, peer: TunnelPeer): TunnelState {
  const held = state.devices.get(device);
  if (!held) throw new Error(`there is no ${device}`);
  return tunnelState([...state.devices.values(), { ...held, peers: new Map([...held.peers, [peer.publicKey, peer]]) }], state.routes.values());
}

t.test('every device knows every key of every other host; packets are sent by the first one', (t) => {
  const plan = planTunnels({ own: [own(1, 1), own(1, 0)], others: [other(3, 0), other(2, 0, 1)], mtu: 1440 });
  t.same([...plan.devices.keys()], ['netctl-wg1', 'netctl-wg0']);
  for (const device of plan.devices.values()) {
    t.same([...device.peers.keys()], ['key0ofh2', 'key1ofh2', 'key0ofh3'], device.name);
    t.same(device.peers.get('key1ofh2'), { publicKey: 'key1ofh2', endpoint: { address: ip('192.0.2.2'), port: 51821 }, address: ip('fd00:2::2') });
    t.match(device, { mtu: 1440, up: true });
  }
  t.same([...plan.routes.values()], ['fd00:2::1', 'fd00:2::2', 'fd00:3::1'].map((to) => ({ to: ip(to), device: 'netctl-wg1', from: ip('fd00:1::2') })));
  t.end();
});

t.test('a host without a key of its own has nothing; one without a key is nobody’s peer', (t) => {
  t.same(planTunnels({ own: [], others: [other(2, 0)], mtu: 1440 }), none);
  const plan = planTunnels({ own: [own(1)], others: [other(2)], mtu: 1440 });
  t.same([...plan.devices.values()].map(({ peers }) => peers.size), [0]);
  t.equal(plan.routes.size, 0);
  t.end();
});

t.test('the steps lead to what is desired, from nothing and from anything else', (t) => {
  const states = [
    none,
    planTunnels({ own: [own(1)], others: [other(2, 0), other(3, 0)], mtu: 1440 }),
    planTunnels({ own: [own(1), own(1, 1)], others: [other(2, 0, 1)], mtu: 1440 }),
    planTunnels({ own: [own(1, 1), own(1)], others: [other(2, 0), other(4, 0)], mtu: 1420 }),
    planTunnels({ own: [{ ...own(1), publicKey: 'another', address: ip('fd00:9::9') }], others: [other(3, 0)], mtu: 1440 }),
  ];
  for (const [from, observed] of states.entries()) {
    for (const [to, desired] of states.entries()) {
      const held = carriedOut(observed, diffTunnels(desired, observed, 0));
      t.same(diffTunnels(desired, held, 0), [], `${from} to ${to}`);
      t.same([...held.devices.keys()].toSorted(), [...desired.devices.keys()].toSorted());
    }
  }
  t.end();
});

t.test('packets change over to the new key’s device before the old one goes', (t) => {
  const before = planTunnels({ own: [own(1), own(1, 1)], others: [other(2, 0)], mtu: 1440 });
  const after = planTunnels({ own: [own(1, 1)], others: [other(2, 0)], mtu: 1440 });
  t.same(diffTunnels(after, before, 0), [
    { action: 'setRoute', route: { to: ip('fd00:2::1'), device: 'netctl-wg1', from: ip('fd00:1::2') } },
    { action: 'deleteDevice', name: 'netctl-wg0' },
  ]);
  t.end();
});

t.test('a device that lost its key, or its process, is made anew with all that belongs to it', (t) => {
  const desired = planTunnels({ own: [own(1)], others: [other(2, 0)], mtu: 1440 });
  t.same(actions(desired, none), ['createDevice', 'setPeers', 'setRoute']);
  const [device] = desired.devices.values();
  const keyless = tunnelState(device ? [{ ...device, publicKey: '' }] : [], desired.routes.values());
  t.same(actions(desired, keyless), ['createDevice', 'setPeers', 'setRoute']);
  t.end();
});

t.test('what somebody else changed of a device is set again', (t) => {
  const desired = planTunnels({ own: [own(1)], others: [other(2, 0)], mtu: 1440 });
  const [device] = desired.devices.values();
  if (!device) throw new Error('there is no device');
  const { address: _, ...bare } = device;
  for (const changed of [{ ...device, up: false }, { ...device, mtu: 1280 }, { ...device, port: 9 }, bare]) {
    t.same(actions(desired, tunnelState([changed], desired.routes.values())), ['setDevice']);
  }
  const [route] = desired.routes.values();
  t.same(actions(desired, tunnelState([device], route ? [{ ...route, from: ip('fd00:1::9') }] : [])), ['setRoute']);
  t.end();
});

t.test('a peer that answers is left where it answers from, and one that does not is looked for where it should be', (t) => {
  const desired = planTunnels({ own: [own(1)], others: [other(2, 0)], mtu: 1440 });
  const moved = { publicKey: tunnel(2).publicKey, address: tunnel(2).address, endpoint: { address: ip('192.0.2.77'), port: 51820 } };
  t.same(actions(desired, withPeer(desired, 'netctl-wg0', { ...moved, handshake: 1_000_000 }), 1_179_999), []);
  t.same(actions(desired, withPeer(desired, 'netctl-wg0', { ...moved, handshake: 1_000_000 }), 1_180_000), ['setPeers']);
  t.same(actions(desired, withPeer(desired, 'netctl-wg0', moved)), ['setPeers']);
  t.same(actions(desired, withPeer(desired, 'netctl-wg0', { ...moved, address: ip('fd00:6::6'), handshake: 1_000_000 }), 1_000_001), ['setPeers'], 'what it may send is always set');
  t.end();
});

t.test('names of devices', (t) => {
  t.equal(deviceName(1), 'netctl-wg1');
  t.same(['netctl-wg0', 'netctl-wg9', 'netctl-wg', 'netctl-wg10', 'wg0', 'xnetctl-wg0'].map(isDeviceName), [true, true, false, false, false, false]);
  t.end();
});
