import type { IpAddress } from '../model/address.js';
import type { Host, HostTunnel } from '../model/host.js';
import { tunnelState, type TunnelDevice, type TunnelPeer, type TunnelState } from './state.js';

/** One of this host's own tunnel ends, and the device that it is. */
export interface OwnTunnel extends HostTunnel {
  readonly device: string;
}

/** All that decides what the host holds of tunnels. The order of `others` does not matter. */
export interface TunnelInput {
  /** Packets are sent by the first one, and taken by all. None: there are no tunnels. */
  readonly own: readonly OwnTunnel[];
  readonly others: readonly Pick<Host, 'underlay' | 'tunnels'>[];
  /** Bytes, of what is in the tunnels: see `tunnelMtu`. */
  readonly mtu: number;
}

/** Every device knows every key of every other host, so that whichever key somebody sends with is understood. */
export function planTunnels({ own, others, mtu }: TunnelInput): TunnelState {
  const [sending] = own;
  if (!sending) return tunnelState([], []);
  const ends = others.flatMap(({ underlay, tunnels = [] }) => tunnels.map((tunnel) => ({ underlay, tunnel }))).toSorted((a, b) => a.tunnel.address.compare(b.tunnel.address));
  const peers = new Map(ends.map(({ underlay, tunnel }) => [tunnel.publicKey, peerOf(underlay, tunnel)]));
  return tunnelState(
    own.map((tunnel) => deviceOf(tunnel, mtu, peers)),
    ends.map(({ tunnel }) => ({ to: tunnel.address, device: sending.device, from: sending.address })),
  );
}

function deviceOf({ device: name, publicKey, port, address }: OwnTunnel, mtu: number, peers: ReadonlyMap<string, TunnelPeer>): TunnelDevice {
  return { name, publicKey, port, address, mtu, up: true, peers };
}

function peerOf(underlay: IpAddress, { publicKey, address, port }: HostTunnel): TunnelPeer {
  return { publicKey, endpoint: { address: underlay, port }, address };
}
