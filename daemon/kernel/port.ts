import type { HostFacts } from '../../src/checkup/host.js';
import type { TunnelState, TunnelStep } from '../../src/encryption/state.js';
import type { FabricState, FabricStep } from '../../src/fabric/state.js';
import type { HostState, HostStep } from '../../src/host/state.js';
import type { UnderlayAddress } from '../../src/host/underlay.js';
import type { IpAddress, Mac, Prefix } from '../../src/model/address.js';
import type { Protocol } from '../../src/model/service.js';
import type { FlowsAbout } from '../../src/nat/flows.js';
import type { Flow } from '../../src/nat/input.js';
import type { NatChange } from '../../src/nat/diff.js';
import type { NatState } from '../../src/nat/state.js';
import type { ProviderTraffic } from '../../src/nat/traffic.js';

/**
 * A tenant's router: the network namespace `netctl-<tenant>`. Routers are named by their tenant in
 * all of these ports. Failures are NetctlErrors; the state is then unknown and must be read again.
 */
export interface Routers {
  /** The tenants that have a router on this host; the name of the router of no tenant is among them, if it is there. */
  list(): Promise<string[]>;
  /** Makes the router, or finds it made: loopback up, forwarding on. Idempotent. Returns what it had to do. */
  ensure(tenant: string): Promise<EnsuredRouter>;
  /** Whether only those bridges have bridge netfilter that say so. If not, all of them have it: so it is in a new router, and was in those of older versions. */
  isNetfilterWithBridges(tenant: string): boolean;
  /** Makes that so. Idempotent. Returns how many settings were others. */
  leaveNetfilterToBridges(tenant: string): number;
  /**
   * True if the router is still the namespace that was ensured, under its name, with its settings. Cheap. Loopback is
   * among what {@link Fabric.changedByOthers} tells of.
   */
  isIntact(tenant: string): boolean;
  /** Removes the router and all in it. Succeeds if there is none. */
  remove(tenant: string): Promise<void>;
}

/** What `ensure` found and did. */
export interface EnsuredRouter {
  /** `named`: the namespace that was ensured before had lost its name, and has it again; all that was in it is there. */
  readonly namespace: 'found' | 'made' | 'named';
  /** How many settings it had to write, loopback among them; in a router that was just made, all that differ from the kernel's own. */
  readonly settings: number;
}

/** What somebody may have changed in a router: links of endpoints and nothing else, or anything. */
export type FabricChange = 'nothing' | 'ports' | 'anything';

export function larger(one: FabricChange, other: FabricChange): FabricChange {
  const ascending: readonly FabricChange[] = ['nothing', 'ports', 'anything'];
  return ascending.indexOf(one) < ascending.indexOf(other) ? other : one;
}

/** Links, addresses, routes, neighbours and fdb entries of a router. */
export interface Fabric {
  read(tenant: string): Promise<FabricState>;
  /** The links of it only: among many services, of which each has a route, that is little. */
  readLinks(tenant: string): Promise<FabricState['links']>;
  /**
   * What the kernel told of since the last call that may have been somebody else's doing; anything at the first
   * call. Cheap: nothing is read. Of links, fdb entries and deleted neighbours it does not
   * tell whose doing it is, so that our own count, too.
   */
  changedByOthers(tenant: string): FabricChange;
  /** Carries the steps out in their order and stops at the first that fails. */
  apply(tenant: string, steps: readonly FabricStep[]): Promise<void>;
}

/** A container's end of a port, as it is found in the container. */
export interface SandboxEnd {
  /** As Docker named it: `eth0`. */
  readonly name: string;
  /** Where the default routes by it lead. */
  readonly gateways: readonly IpAddress[];
  /** Bytes. */
  readonly mtu: number;
}

/** What a container's end of a port must be. */
export interface SandboxLink {
  readonly mac: Mac;
  readonly addresses: readonly { readonly address: IpAddress; readonly length: number }[];
  /** Absent, or taken meanwhile: the first name that is free. */
  readonly name?: string;
  /** Of the families in which the container has no default route. */
  readonly gateways: readonly IpAddress[];
}

/** Containers' network namespaces, which are Docker's, each by the file that holds it. Rejects `unavailable` where there is none. */
export interface Sandboxes {
  /** The link with this MAC address, if Docker has put it there. */
  find(sandboxKey: string, mac: Mac): Promise<SandboxEnd | undefined>;
  /** Moves the link `peer`, the other end of a port, from the host's own namespace into the container and makes it what Docker had made of the one that was lost. */
  give(sandboxKey: string, peer: string, link: SandboxLink): Promise<SandboxEnd>;
  /** Gives the link with this MAC address another MTU, in bytes. */
  setMtu(sandboxKey: string, mac: Mac, mtu: number): Promise<void>;
}

/** The nftables tables of a router. */
export interface Nftables {
  /** What the tables hold. `missing`: there are none; `foreign`: one is missing, or has rules that this version did not write. */
  read(tenant: string): Promise<NatState | 'missing' | 'foreign'>;
  /** Makes the tables anew with this content, in one transaction per family: there is no moment without rules. */
  replace(tenant: string, state: NatState): Promise<void>;
  /** Does in advance what {@link apply} needs not the kernel for, if it is going to be called with this very object; need not be called. */
  prepare(change: NatChange): void;
  /** Applies the change, in one transaction per family. An empty change does nothing. */
  apply(tenant: string, change: NatChange): Promise<void>;
  /**
   * A number that is another one after every change that anybody makes to any table of the router, ours included.
   * Cheap: as long as it is the same, nothing need be read. Other routers have numbers of their own.
   */
  generation(tenant: string): Promise<number>;
  /**
   * What has passed through the services of the router, for each service port and provider, the draining ones that the plan named included. It is
   * counted anew when a provider comes back, and when the tables are made anew. None if there are no tables.
   */
  traffic(tenant: string): Promise<ProviderTraffic[]>;
}

/** The connections through the services of a router, and what could be in their way. */
export interface Conntrack {
  /**
   * Every tracked TCP connection whose destination was translated, and every UDP one, translated or not.
   * @param about only those, which costs much less if there are many.
   */
  list(tenant: string, about?: FlowsAbout): Promise<Flow[]>;
  /** Forgets these; what is already gone does not matter. Returns how many there were. */
  remove(tenant: string, flows: readonly Flow[]): Promise<number>;
}

/** A route of the host, or the prefix of one of its addresses, that is not netctl's. Default routes are not among them. */
export interface HostRoute {
  readonly prefix: Prefix;
  readonly link: string;
}

/** What netctl holds in the host's own network namespace: the host's ends of uplinks, routes to them, and a table of rules. */
export interface HostNetwork {
  read(): Promise<HostState>;
  /** Carries the steps out in their order and stops at the first that fails. */
  apply(steps: readonly HostStep[]): Promise<void>;
  foreignRoutes(): Promise<HostRoute[]>;
  /** Whether anybody, this included, may have changed something in the host's namespace since this was last asked. Cheap: it lists nothing. */
  hasChanged(): Promise<boolean>;
}

/** A port of the host that is held for a container, so that no other program of the host gets it. */
export interface HeldPort {
  readonly protocol: Protocol;
  /** `0.0.0.0` and `::` are all addresses of their family. */
  readonly address: IpAddress;
  readonly port: number;
}

/** Ports of the host, held by sockets that nobody listens on. */
export interface HostPorts {
  /** Until released, or the process ends. Holding what is held is fine. @throws NetctlError `conflict` if another program has it, `invalid` if the address is not the host's. */
  hold(port: HeldPort): void;
  release(port: HeldPort): void;
}

/** The UDP that is tracked in the host's own namespace. */
export interface HostFlows {
  /** What was sent to one of the host's own addresses, translated or not. */
  list(): Promise<Flow[]>;
  /** Forgets these; what is already gone does not matter. Returns how many there were. */
  remove(flows: readonly Flow[]): Promise<number>;
}

/** The network between the hosts. */
export interface Underlay {
  /** This host's address there. @throws NetctlError `invalid` if none is there or it is not clear which one is meant. */
  find(): Promise<UnderlayAddress>;
}

/**
 * What became of an echo request. `tooLong`: the link, or a router on the way, is too small for it; `lost`: no answer in time;
 * `unsent`: the kernel did not send it, there being no route for instance.
 */
export type Echo =
  | { readonly outcome: 'answered'; readonly milliseconds: number }
  | { readonly outcome: 'tooLong' }
  | { readonly outcome: 'lost' }
  | { readonly outcome: 'unsent'; readonly reason: string };

/** ICMP echo requests, which are never cut into fragments. */
export interface Pinger {
  /**
   * Sends one and waits for its answer.
   * @param router the tenant from whose router; undefined: from the host's own namespace
   * @param request.length of the whole IP packet, in octets
   * @throws NetctlError `unavailable` if there is no such router, or if raw sockets cannot be had.
   */
  echo(router: string | undefined, target: IpAddress, request: { readonly length: number; readonly timeoutMs: number }): Promise<Echo>;
}

/** A key of the host's own, without its private part. */
export interface TunnelKey {
  /** 0 or 1: makes the name of its device, and its port. */
  readonly index: number;
  /** In base64. */
  readonly publicKey: string;
  /** Made of the key: the host's own within its tunnels. */
  readonly address: IpAddress;
  /** When it was made, milliseconds since the epoch. */
  readonly since: number;
}

/** Encrypted ways to other hosts, by WireGuard. Private keys stay behind this port. */
export interface Tunnels {
  keys(): Promise<TunnelKey[]>;
  /** Replaces the one of that number. */
  makeKey(index: number): Promise<TunnelKey>;
  /** Succeeds if there is none. */
  deleteKey(index: number): Promise<void>;
  read(): Promise<TunnelState>;
  /** Carries the steps out in their order and stops at the first that fails. @throws NetctlError `unavailable` if the host can have no tunnels, which its message tells. */
  apply(steps: readonly TunnelStep[]): Promise<void>;
}

/** What netctl needs of its host. */
export interface Checkup {
  /** Changes nothing, and does not reject for what is missing or broken. @param tenants whose routers to look at. */
  read(tenants: readonly string[]): Promise<HostFacts>;
}

/** All that a controller does to the kernel. */
export interface Kernel {
  readonly routers: Routers;
  readonly fabric: Fabric;
  readonly sandboxes: Sandboxes;
  readonly nftables: Nftables;
  readonly conntrack: Conntrack;
  readonly host: HostNetwork;
  readonly ports: HostPorts;
  readonly hostFlows: HostFlows;
}
