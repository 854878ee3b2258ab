import { isConnected } from './connection.js';
import type { TunnelDevice, TunnelPeer, TunnelRoute, TunnelState, TunnelStep } from './state.js';

/**
 * The steps that turn what was observed into what is desired: what is new comes first, then routes change over, and what is not
 * desired goes last, so that packets always have a way. Empty if nothing differs.
 * @param now milliseconds since the epoch.
 */
export function diffTunnels(desired: TunnelState, observed: TunnelState, now: number): TunnelStep[] {
  const devices = [...desired.devices.values()];
  const fresh = new Set(devices.filter((device) => observed.devices.get(device.name)?.publicKey !== device.publicKey).map(({ name }) => name));
  const doomed = [...observed.devices.keys()].filter((name) => !desired.devices.has(name));
  const lost = new Set([...fresh, ...doomed]);
  const kept = new Map([...observed.routes].filter(([, { device }]) => !lost.has(device)));
  return [
    ...devices.flatMap((device) => deviceSteps(device, fresh.has(device.name) ? undefined : observed.devices.get(device.name), now)),
    ...[...desired.routes].filter(([to, route]) => !isSameRoute(route, kept.get(to))).map(([, route]): TunnelStep => ({ action: 'setRoute', route })),
    ...[...kept].filter(([to]) => !desired.routes.has(to)).map(([, route]): TunnelStep => ({ action: 'deleteRoute', route })),
    ...devices.flatMap((device) => deletions(device, fresh.has(device.name) ? undefined : observed.devices.get(device.name))),
    ...doomed.map((name): TunnelStep => ({ action: 'deleteDevice', name })),
  ];
}

function deviceSteps(desired: TunnelDevice, observed: TunnelDevice | undefined, now: number): TunnelStep[] {
  const peers = [...desired.peers.values()].filter((peer) => !isSamePeer(peer, observed?.peers.get(peer.publicKey), now));
  return [
    ...(observed ? [] : [{ action: 'createDevice' as const, device: desired }]),
    ...(observed && !isSameDevice(desired, observed) ? [{ action: 'setDevice' as const, device: desired }] : []),
    ...(peers.length === 0 ? [] : [{ action: 'setPeers' as const, device: desired.name, peers }]),
  ];
}

function deletions(desired: TunnelDevice, observed: TunnelDevice | undefined): TunnelStep[] {
  const publicKeys = [...(observed?.peers.keys() ?? [])].filter((key) => !desired.peers.has(key));
  return publicKeys.length === 0 ? [] : [{ action: 'deletePeers', device: desired.name, publicKeys }];
}

function isSameDevice(desired: TunnelDevice, observed: TunnelDevice): boolean {
  return desired.port === observed.port && desired.mtu === observed.mtu && desired.up === observed.up && isSame(desired.address, observed.address);
}

/** A peer that answers is where it answers from, whatever address it was first looked for at: WireGuard follows it. */
function isSamePeer(desired: TunnelPeer, observed: TunnelPeer | undefined, now: number): boolean {
  if (!observed || !isSame(desired.address, observed.address)) return false;
  return isConnected(observed, now) || (desired.endpoint?.port === observed.endpoint?.port && isSame(desired.endpoint?.address, observed.endpoint?.address));
}

function isSameRoute(desired: TunnelRoute, observed: TunnelRoute | undefined): boolean {
  return observed !== undefined && desired.device === observed.device && isSame(desired.from, observed.from);
}

function isSame(a: { toString(): string } | undefined, b: { toString(): string } | undefined): boolean {
  return a?.toString() === b?.toString();
}
