import type { IpAddress } from '../model/address.js';
import type { Algorithm, Protocol } from '../model/service.js';

/** A balancing chain, which chooses one of so many slots. See `chainName` for its name. */
export interface BalanceChain {
  readonly algorithm: Algorithm;
  readonly slots: number;
  /** Services with the same number of slots are spread over several chains of round robin, so that they do not share a counter. Otherwise 0. */
  readonly turn: number;
}

/** What a service port leads to: its chain, and the slots 0..n-1 of its balancing table. */
export interface BalancedPort {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
  readonly chain: BalanceChain;
  readonly slots: readonly SlotTarget[];
}

export interface SlotTarget {
  readonly address: IpAddress;
  readonly port: number;
}

/** A provider that calls its own service is given this source address, so that the answer passes the router. */
export interface Hairpin {
  /** By which it calls: the provider's address, or the same container's in another network. */
  readonly client: IpAddress;
  readonly provider: IpAddress;
  readonly source: IpAddress;
}

/** A service port and one who answers there. What its connections carry is counted; they have its mark in conntrack. */
export interface Leg {
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
  readonly provider: IpAddress;
  /** 1..2^32-1, unique in its family. */
  readonly mark: number;
}

/** Packets that come in by the one interface may be routed out by the other. */
export interface Passage {
  readonly from: string;
  readonly to: string;
}

/** The changing part of one family's table: keyed by the text of the element's key, or by the chain's name. See keys.ts. */
export interface FamilyState {
  /** The balancing chains that exist, in use or not. */
  readonly chains: ReadonlyMap<string, BalanceChain>;
  /** Those of them to which their numbers lead: all, but for those that are to be deleted. */
  readonly balancers: ReadonlyMap<string, BalanceChain>;
  readonly ports: ReadonlyMap<string, BalancedPort>;
  readonly serviceIps: ReadonlyMap<string, IpAddress>;
  readonly legs: ReadonlyMap<string, Leg>;
  readonly hairpins: ReadonlyMap<string, Hairpin>;
  /** The bridges within which everything is forwarded. */
  readonly bridges: ReadonlySet<string>;
  /** What is routed though no service leads there: between networks and the uplink. */
  readonly routed: ReadonlyMap<string, Passage>;
}

export interface NatState {
  readonly ip: FamilyState;
  readonly ip6: FamilyState;
}

/** The families as nftables names them. */
export type NatFamily = keyof NatState;
export const natFamilies: readonly NatFamily[] = ['ip', 'ip6'];

const emptyFamily: FamilyState = { chains: new Map(), balancers: new Map(), ports: new Map(), serviceIps: new Map(), legs: new Map(), hairpins: new Map(), bridges: new Set(), routed: new Map() };

/** What tables hold that have nothing but the constant rules. */
export const emptyNat: NatState = { ip: emptyFamily, ip6: emptyFamily };
