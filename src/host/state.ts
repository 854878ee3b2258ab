import type { AddressState, NeighbourState } from '../fabric/state.js';
import type { Family, IpAddress, Mac, Prefix } from '../model/address.js';

/** The host's end of an uplink. Its router's adapter makes it, together with the other end. */
export interface HostLink {
  readonly name: string;
  readonly mac: Mac;
  readonly up: boolean;
}

/** A route of the host to a subnet of a tenant, by the tenant's router. */
export interface SubnetRoute {
  readonly kind: 'subnet';
  readonly prefix: Prefix;
  readonly link: string;
  readonly via: IpAddress;
  /** With which of its addresses the host itself calls. Always present in a plan. */
  readonly source?: IpAddress;
}

/** The host takes ::1 from this link, too: what route_localnet is for 127.0.0.1 does not exist in IPv6. */
export interface LoopbackRoute {
  readonly kind: 'loopback';
  readonly prefix: Prefix;
  readonly link: string;
}

export type HostRouteState = SubnetRoute | LoopbackRoute;

/** A rule of the iptables or ip6tables of the host that lets through what comes in by an uplink, or goes out by one. */
export type ForwardAccept = `${Family} ${'in' | 'out'}`;

/**
 * What netctl holds in the host's own namespace, desired or observed. Keys are built by the functions
 * of keys.ts, and of src/fabric/keys.ts for addresses and neighbours.
 */
export interface HostState {
  readonly links: ReadonlyMap<string, HostLink>;
  readonly addresses: ReadonlyMap<string, AddressState>;
  readonly neighbours: ReadonlyMap<string, NeighbourState>;
  readonly routes: ReadonlyMap<string, HostRouteState>;
  /** Sysctls by their path below /proc/sys/net. Desired: those that matter. Observed: those that were looked at; others do not exist. */
  readonly settings: ReadonlyMap<string, string>;
  /** Whether the rule is to be there, or is there. One that was not observed cannot be made, because the host has no such program. */
  readonly accepts: ReadonlyMap<ForwardAccept, boolean>;
  /** The text of the table of rules; absent: there is none. What was read and is not known to be a text of ours is empty. */
  readonly rules?: string;
}

/** One change to it. */
export type HostStep =
  | { readonly action: 'setRules'; readonly text: string }
  | { readonly action: 'deleteRules' }
  | { readonly action: 'setAccept'; readonly accept: ForwardAccept; readonly present: boolean }
  | { readonly action: 'setSetting'; readonly path: string; readonly value: string }
  /** What nobody lets through is not forwarded. */
  | { readonly action: 'closeForward'; readonly family: Family }
  /** Gives the link its MAC address, which drops its neighbours, and its up or down. */
  | { readonly action: 'setLink'; readonly link: HostLink }
  /** Takes the router's end along. */
  | { readonly action: 'deleteLink'; readonly name: string }
  | { readonly action: 'addAddress'; readonly address: AddressState }
  /** The last IPv4 address takes the IPv4 routes and neighbours of its link along. */
  | { readonly action: 'deleteAddress'; readonly address: AddressState }
  | { readonly action: 'setNeighbour'; readonly neighbour: NeighbourState }
  | { readonly action: 'deleteNeighbour'; readonly neighbour: NeighbourState }
  /** Replaces the route to the same prefix by the same link. */
  | { readonly action: 'setRoute'; readonly route: HostRouteState }
  | { readonly action: 'deleteRoute'; readonly route: HostRouteState };
