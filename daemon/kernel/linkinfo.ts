import { AttrStream, ifla, rt } from 'netlink';
import type { PortPeer } from '../../src/fabric/state.js';
import { octetsOfMac } from './netlink-octets.js';

// The attribute IFLA_LINKINFO: what is particular to a kind of link. The netlink package passes it on
// as octets, but has the formats of its parts.

/** What is read of it: the link's kind, and how it is a port of a bridge, if it is one. */
export interface LinkInfo {
  readonly kind?: string;
  readonly hairpin: boolean;
}

export function parseLinkInfo(octets: Buffer | undefined): LinkInfo {
  if (!octets) return { hairpin: false };
  const { kind, slaveKind, slaveData } = ifla.parseInfo(octets);
  const port = slaveKind === 'bridge' && slaveData ? ifla.parseBridgePort(slaveData) : {};
  return { ...(kind === undefined ? {} : { kind }), hairpin: port.mode === ifla.BridgePortMode.HAIRPIN };
}

/**
 * A bridge without the spanning tree protocol: its ports are all leaves. Said although it is the
 * default: only with some data does the kernel refuse to take a link of another kind for the bridge.
 */
export function bridgeInfo(): Buffer {
  const data = concatenated((out) => out.emit(ifla.formatBridge({ stpState: Buffer.alloc(4) })));
  return concatenated((out) => out.emit(ifla.formatInfo({ kind: 'bridge', data })));
}

/** A veth pair whose other end is made in the network namespace of the process `pid`. */
export function vethInfo(peer: PortPeer, pid: number): Buffer {
  const attrs = { ifname: peer.name, address: octetsOfMac(peer.mac), mtu: peer.mtu, netNsPid: pid };
  const link = concatenated((out) => rt.formatLinkMessage({ kind: 'link', data: {}, attrs }, out));
  const data = concatenated((out) => out.emit(ifla.formatVethInfo({ peer: link })));
  return concatenated((out) => out.emit(ifla.formatInfo({ kind: 'veth', data })));
}

/** For a link that is a port of a bridge already: the kernel ignores it when the same message attaches the link. */
export function bridgePortInfo(hairpin: boolean): Buffer {
  const mode = hairpin ? ifla.BridgePortMode.HAIRPIN : ifla.BridgePortMode.UNSPEC;
  const slaveData = concatenated((out) => out.emit(ifla.formatBridgePort({ mode })));
  return concatenated((out) => out.emit(ifla.formatInfo({ slaveKind: 'bridge', slaveData })));
}

function concatenated(write: (out: AttrStream) => void): Buffer {
  const out = new AttrStream();
  write(out);
  return Buffer.concat(out.bufs);
}
