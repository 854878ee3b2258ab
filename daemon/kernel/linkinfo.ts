import { AttrStream, ifla, rt } from 'netlink';
import type { PortPeer, VxlanLink } from '../../src/fabric/state.js';
import { addressOfOctets, octetsOfAddress, octetsOfMac } from './netlink-octets.js';

// The attribute IFLA_LINKINFO: what is particular to a kind of link. The netlink package passes it on
// as octets, but has the formats of its parts.

/** What is read of it: the link's kind, and how it is a port of a bridge, if it is one. */
export interface LinkInfo {
  readonly kind?: string;
  readonly hairpin: boolean;
  /** As {@link VxlanLink} has it. */
  readonly suppressing: boolean;
  /** Of a bridge: both families. */
  readonly netfilter: boolean;
  /** Of a VXLAN link. */
  readonly vxlan?: Pick<VxlanLink, 'vni' | 'local' | 'port'>;
}

export function parseLinkInfo(octets: Buffer | undefined): LinkInfo {
  if (!octets) return { hairpin: false, suppressing: false, netfilter: false };
  const { kind, data, slaveKind, slaveData } = ifla.parseInfo(octets);
  const port = slaveKind === 'bridge' && slaveData ? ifla.parseBridgePort(slaveData) : {};
  const bridge = kind === 'bridge' && data ? ifla.parseBridge(data) : {};
  const vxlan = kind === 'vxlan' && data ? parseVxlan(data) : undefined;
  return {
    ...(kind === undefined ? {} : { kind }),
    hairpin: port.mode === ifla.BridgePortMode.HAIRPIN,
    suppressing: port.neighSuppress?.[0] === 1 && port.learning === 0,
    netfilter: bridge.nfCallIptables?.[0] === 1 && bridge.nfCallIp6tables?.[0] === 1,
    ...(vxlan ? { vxlan } : {}),
  };
}

function parseVxlan(octets: Buffer): LinkInfo['vxlan'] {
  const { id, local, local6, port } = ifla.parseVxlan(octets);
  // The kernel does not tell of an address that is "::".
  const address = local ?? local6 ?? Buffer.alloc(16);
  return id === undefined || !port ? undefined : { vni: id, local: addressOfOctets(address), port: port.readUInt16BE() };
}

/**
 * A bridge without the spanning tree protocol: its ports are all leaves. Said although it is the
 * default: only with some data does the kernel refuse to take a link of another kind for the bridge.
 */
export function bridgeInfo(netfilter: boolean): Buffer {
  return bridgeData({ stpState: Buffer.alloc(4), ...netfilterData(netfilter) });
}

/** For a bridge that is there: of all else that it is nothing is said. */
export function bridgeNetfilterInfo(netfilter: boolean): Buffer {
  return bridgeData(netfilterData(netfilter));
}

function netfilterData(netfilter: boolean): ifla.Bridge {
  const value = Buffer.from([netfilter ? 1 : 0]);
  return { nfCallIptables: value, nfCallIp6tables: value };
}

function bridgeData(bridge: ifla.Bridge): Buffer {
  const data = concatenated((out) => out.emit(ifla.formatBridge(bridge)));
  return concatenated((out) => out.emit(ifla.formatInfo({ kind: 'bridge', data })));
}

/** A link of which nothing is said but its kind. */
export function plainInfo(kind: string): Buffer {
  return concatenated((out) => out.emit(ifla.formatInfo({ kind })));
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

/** {@link bridgePortInfo}, of a link to other hosts: the bridge answers for who is there, and learns nothing of what comes from there. */
export function vxlanPortInfo(suppressing: boolean): Buffer {
  const slaveData = concatenated((out) => out.emit(ifla.formatBridgePort({ learning: suppressing ? 0 : 1, neighSuppress: Buffer.from([suppressing ? 1 : 0]) })));
  return concatenated((out) => out.emit(ifla.formatInfo({ slaveKind: 'bridge', slaveData })));
}

/**
 * It has no destination of its own and learns none. Its packets are not fragmented on the way (RFC 7348, section 4.3). Over IPv4 they have
 * no checksum, as that RFC wants it: what is in them has one.
 */
export function vxlanInfo({ vni, local, port }: Pick<VxlanLink, 'vni' | 'local' | 'port'>): Buffer {
  const own = local.family === 4 ? { local: octetsOfAddress(local), udpCsum: 0, df: Buffer.from([ifla.VxlanDf.SET]) } : { local6: octetsOfAddress(local) };
  const number = Buffer.alloc(2);
  number.writeUInt16BE(port);
  const data = concatenated((out) => out.emit(ifla.formatVxlan({ id: vni, port: number, learning: 0, ...own })));
  return concatenated((out) => out.emit(ifla.formatInfo({ kind: 'vxlan', data })));
}

function concatenated(write: (out: AttrStream) => void): Buffer {
  const out = new AttrStream();
  write(out);
  return Buffer.concat(out.bufs);
}
