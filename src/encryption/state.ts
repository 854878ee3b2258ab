import type { IpAddress } from '../model/address.js';

/** A WireGuard device in the host's own namespace: one of the host's keys, and all hosts that it has to do with. */
export interface TunnelDevice {
  readonly name: string;
  /** In base64. Observed: empty if the device does not say. */
  readonly publicKey: string;
  /** UDP. */
  readonly port: number;
  /** The host's own within the tunnels of this key. Observed: absent if it has none. */
  readonly address?: IpAddress;
  /** Bytes, of what is in the tunnels. */
  readonly mtu: number;
  readonly up: boolean;
  /** By their public keys. */
  readonly peers: ReadonlyMap<string, TunnelPeer>;
}

/** A key of another host's. */
export interface TunnelPeer {
  readonly publicKey: string;
  /** Where the other host is on the underlay. Observed: where it was heard last; absent: nobody knows. */
  readonly endpoint?: { readonly address: IpAddress; readonly port: number };
  /** The only source that packets of this peer may have, and what is sent to it. Observed: absent if there is none, or several. */
  readonly address?: IpAddress;
  /** Observed: when both last agreed on a session key, milliseconds since the epoch; absent: never. */
  readonly handshake?: number;
}

/** The way to another host's address within the tunnels. */
export interface TunnelRoute {
  readonly to: IpAddress;
  readonly device: string;
  /** With which address of its own the host sends there. Always present in a plan. */
  readonly from?: IpAddress;
}

/** What the host holds of tunnels, desired or observed. */
export interface TunnelState {
  /** By name. */
  readonly devices: ReadonlyMap<string, TunnelDevice>;
  /** By the text of the address that they lead to. */
  readonly routes: ReadonlyMap<string, TunnelRoute>;
}

/** One change to it. */
export type TunnelStep =
  /** Makes the device, or makes it anew, without peers. */
  | { readonly action: 'createDevice'; readonly device: TunnelDevice }
  /** Its port, address and MTU, and up. */
  | { readonly action: 'setDevice'; readonly device: TunnelDevice }
  /** Takes its routes along. */
  | { readonly action: 'deleteDevice'; readonly name: string }
  /** Adds the peers, or changes them. The sessions that they have go on. */
  | { readonly action: 'setPeers'; readonly device: string; readonly peers: readonly TunnelPeer[] }
  | { readonly action: 'deletePeers'; readonly device: string; readonly publicKeys: readonly string[] }
  /** Replaces the route to the same address: there is no moment without one. */
  | { readonly action: 'setRoute'; readonly route: TunnelRoute }
  | { readonly action: 'deleteRoute'; readonly route: TunnelRoute };

export function tunnelState(devices: Iterable<TunnelDevice>, routes: Iterable<TunnelRoute>): TunnelState {
  return {
    devices: new Map(Array.from(devices, (device) => [device.name, device])),
    routes: new Map(Array.from(routes, (route) => [route.to.toString(), route])),
  };
}
