import { deviceName } from '../../../src/encryption/names.js';
import type { OwnTunnel } from '../../../src/encryption/plan.js';
import type { TunnelDevice, TunnelState, TunnelStep } from '../../../src/encryption/state.js';
import { IpAddress } from '../../../src/model/address.js';
import type { Host, HostTunnel } from '../../../src/model/host.js';

export const ip = (text: string): IpAddress => IpAddress.parse(text);

/** The n-th key of a host. */
export function tunnel(host: number, n = 0): HostTunnel {
  return { publicKey: `key${n}ofh${host}`, address: ip(`fd00:${host}::${n + 1}`), port: 51820 + n, since: n };
}

export function own(host: number, n = 0): OwnTunnel {
  return { ...tunnel(host, n), device: deviceName(n) };
}

export function other(host: number, ...keys: number[]): Pick<Host, 'underlay' | 'tunnels'> {
  return { underlay: ip(`192.0.2.${host}`), ...(keys.length === 0 ? {} : { tunnels: keys.map((n) => tunnel(host, n)) }) };
}

/** What the steps leave, as the kernel would hold it. A device that goes takes its routes along. */
export function carriedOut(before: TunnelState, steps: readonly TunnelStep[]): TunnelState {
  const [devices, routes] = [new Map(before.devices), new Map(before.routes)];
  const drop = (name: string): void => {
    devices.delete(name);
    for (const [to, route] of routes) if (route.device === name) routes.delete(to);
  };
  for (const step of steps) {
    if (step.action === 'createDevice') {
      drop(step.device.name);
      devices.set(step.device.name, { ...step.device, peers: new Map() });
    } else if (step.action === 'setDevice') {
      devices.set(step.device.name, { ...step.device, peers: devices.get(step.device.name)?.peers ?? new Map() });
    } else if (step.action === 'deleteDevice') drop(step.name);
    else if (step.action === 'setRoute') routes.set(step.route.to.toString(), step.route);
    else if (step.action === 'deleteRoute') routes.delete(step.route.to.toString());
    else setPeers(devices, step);
  }
  return { devices, routes };
}

function setPeers(devices: Map<string, TunnelDevice>, step: Extract<TunnelStep, { action: 'setPeers' | 'deletePeers' }>): void {
  const device = devices.get(step.device);
  if (!device) throw new Error(`there is no ${step.device}`);
  const peers = new Map(device.peers);
  if (step.action === 'setPeers') for (const peer of step.peers) peers.set(peer.publicKey, { ...peers.get(peer.publicKey), ...peer });
  else for (const key of step.publicKeys) peers.delete(key);
  devices.set(step.device, { ...device, peers });
}
