import type { IpAddress, Mac, Prefix } from '../model/address.js';
import type { UplinkLink } from './uplink.js';

/** All that decides a router's links, addresses, routes, neighbours and fdb entries. The order of the lists does not matter. */
export interface FabricInput {
  readonly networks: readonly FabricNetwork[];
  readonly endpoints: readonly FabricEndpoint[];
  /** The router answers ARP and neighbour solicitations for these and takes what is sent to them, whatever segment they are on. */
  readonly serviceAddresses: readonly IpAddress[];
  /** Absent: the router leads nowhere else. */
  readonly uplink?: UplinkLink;
  /** Absent: there are no other hosts, segments end at this one. */
  readonly overlay?: FabricOverlay;
}

/** How packets of a segment go to other hosts. */
export interface FabricWay {
  /** The source of this host's VXLAN packets; `::`: the one that the route to the other host has. */
  readonly local: IpAddress;
  /** UDP, the same on all hosts. */
  readonly port: number;
  /** Bytes, of every link of the segment: what every host can send to every other within a VXLAN packet. */
  readonly mtu: number;
}

/** How a router's segments go on at other hosts: by this host's own address on the underlay, unless they are encrypted. */
export interface FabricOverlay extends FabricWay {
  /** How encrypted segments do; absent: these end at this host. */
  readonly encrypted?: FabricWay;
  /** The endpoints on other hosts, joined or not: they are known before they can send. */
  readonly remotes: readonly FabricRemote[];
}

/** An endpoint on another host. */
export interface FabricRemote {
  readonly vni: number;
  readonly addresses: readonly IpAddress[];
  readonly mac: Mac;
  /** Where its host is reached: its address on the underlay, or, if the segment is encrypted, that of its tunnel. */
  readonly underlay: IpAddress;
}

export interface FabricNetwork {
  readonly vni: number;
  /** It goes on at other hosts by {@link FabricOverlay.encrypted} only. */
  readonly encrypted?: true;
  readonly subnets: readonly { readonly prefix: Prefix; readonly gateway?: IpAddress }[];
  /** See {@link BridgeLink.netfilter}. Once it is there it stays: what it translates may still be open. */
  readonly netfilter?: true;
}

/** An endpoint between Join and Leave. */
export interface FabricEndpoint {
  readonly id: string;
  readonly vni: number;
  readonly addresses: readonly IpAddress[];
  readonly mac: Mac;
}

export interface BridgeLink {
  readonly kind: 'bridge';
  readonly name: string;
  readonly mac: Mac;
  /** Bytes. */
  readonly mtu: number;
  /**
   * Bridge netfilter, of both families: what goes from port to port passes the router's rules and its conntrack, so that the answers of
   * a provider to a client in its own segment are translated.
   */
  readonly netfilter: boolean;
  readonly up: boolean;
}

/** A segment's way to the other hosts, a port of its bridge. It learns nothing: where everybody is is in the fdb. */
export interface VxlanLink {
  readonly kind: 'vxlan';
  readonly name: string;
  readonly vni: number;
  /** `::`: none of its own. */
  readonly local: IpAddress;
  readonly port: number;
  /** Absent: attached to no bridge. */
  readonly bridge?: string;
  /** Bytes, of what is in the packets. */
  readonly mtu: number;
  /** As a port of the bridge: neighbours are answered for, nothing is learned. */
  readonly suppressing: boolean;
  readonly up: boolean;
}

/** The router's end of a veth pair, a port of a bridge. */
export interface PortLink {
  readonly kind: 'port';
  readonly name: string;
  /** Absent: attached to no bridge. */
  readonly bridge?: string;
  readonly hairpin: boolean;
  /** Bytes. */
  readonly mtu: number;
  readonly up: boolean;
  /** Always present in a plan, absent in what was read: Docker moves the peer away and renames it. */
  readonly peer?: PortPeer;
}

/** The router's end of the veth pair to its host. */
export interface UplinkPort {
  readonly kind: 'uplink';
  readonly name: string;
  readonly mac: Mac;
  readonly up: boolean;
  /** The host's end. Always present in a plan; absent, or of another name, in what was read: somebody moved it away. */
  readonly peer?: PortPeer;
}

/** The other end of a veth pair, as it is made. */
export interface PortPeer {
  readonly name: string;
  readonly mac: Mac;
  /** Bytes, of both ends. */
  readonly mtu: number;
}

/** One that has the length of the whole address is there to be answered for, and makes no route. */
export interface AddressState {
  readonly link: string;
  readonly address: IpAddress;
  readonly length: number;
}

/** `segment`: on-link at a bridge. `service`: to the router itself, on loopback. */
export interface DirectRoute {
  readonly kind: 'segment' | 'service';
  readonly prefix: Prefix;
  readonly link: string;
}

/** All that has no other route, to the host. */
export interface DefaultRoute {
  readonly kind: 'default';
  readonly prefix: Prefix;
  readonly link: string;
  readonly via: IpAddress;
}

export type RouteState = DirectRoute | DefaultRoute;

export type FabricLink = BridgeLink | PortLink | VxlanLink | UplinkPort;

/** A permanent neighbour entry. */
export interface NeighbourState {
  readonly link: string;
  readonly address: IpAddress;
  readonly mac: Mac;
}

/** The way to an endpoint on another host. */
export interface UnicastEntry {
  readonly kind: 'unicast';
  /** Of a VXLAN link. */
  readonly link: string;
  readonly mac: Mac;
  /** The other host's address on the underlay. Always present in a plan; absent in what was read: the link does not know. */
  readonly destination?: IpAddress;
  /** Whether the bridge knows that the address is behind the link: otherwise it sends what is for it to all of its ports, and does not answer for it. */
  readonly bridged: boolean;
}

/** What has no way of its own, broadcasts among them, goes to this host, too. */
export interface FloodEntry {
  readonly kind: 'flood';
  /** Of a VXLAN link. */
  readonly link: string;
  readonly destination: IpAddress;
}

/** Where frames go on the underlay. */
export type FdbState = UnicastEntry | FloodEntry;

/** Desired or observed. Keys are built by the functions beside the planner and hold what identifies an item. */
export interface FabricState {
  readonly links: ReadonlyMap<string, FabricLink>;
  readonly addresses: ReadonlyMap<string, AddressState>;
  readonly routes: ReadonlyMap<string, RouteState>;
  readonly neighbours: ReadonlyMap<string, NeighbourState>;
  readonly fdb: ReadonlyMap<string, FdbState>;
}

/** One change to the kernel: one netlink message, or one and the sysctls that belong to it. */
export type FabricStep =
  | { readonly action: 'createBridge'; readonly link: BridgeLink }
  /** Makes the veth pair: `link` in the router, `peer` in the host's own namespace, where Docker takes it. */
  | { readonly action: 'createPort'; readonly link: PortLink; readonly peer: PortPeer }
  /** Makes the veth pair: `link` in the router, `peer` in the host's own namespace, which raises it when it is prepared. */
  | { readonly action: 'createUplink'; readonly link: UplinkPort; readonly peer: PortPeer }
  /** Makes the link in the router, with its socket in the host's own namespace. */
  | { readonly action: 'createVxlan'; readonly link: VxlanLink }
  /** Drops the bridge's neighbours. */
  | { readonly action: 'setBridge'; readonly link: BridgeLink }
  /** Of a bridge. */
  | { readonly action: 'setNetfilter'; readonly name: string; readonly netfilter: boolean }
  | { readonly action: 'setPort'; readonly link: PortLink }
  /** Attachment and up or down. One that is moved to another bridge has no entries in this one. */
  | { readonly action: 'setVxlan'; readonly link: VxlanLink }
  /** Of a bridge, a VXLAN link, or the router's end of a port. */
  | { readonly action: 'setMtu'; readonly name: string; readonly mtu: number }
  /** Up or down. One that goes down loses all but its IPv4 addresses. */
  | { readonly action: 'setUplink'; readonly link: UplinkPort }
  | { readonly action: 'deleteLink'; readonly name: string }
  | { readonly action: 'addAddress'; readonly address: AddressState }
  /** The last IPv4 address takes the IPv4 routes and neighbours of its link along. */
  | { readonly action: 'deleteAddress'; readonly address: AddressState }
  | { readonly action: 'addRoute'; readonly route: RouteState }
  | { readonly action: 'deleteRoute'; readonly route: RouteState }
  | { readonly action: 'setNeighbour'; readonly neighbour: NeighbourState }
  | { readonly action: 'deleteNeighbour'; readonly neighbour: NeighbourState }
  /** Replaces the way to the same MAC address; adds a host to those that get what has no way of its own. */
  | { readonly action: 'setFdb'; readonly entry: FdbState }
  | { readonly action: 'deleteFdb'; readonly entry: FdbState };
