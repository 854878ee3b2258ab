import type { IpAddress } from '../model/address.js';
import type { Subnet } from '../model/network.js';
import type { Algorithm, Protocol, ServicePort } from '../model/service.js';

/** All that decides a router's rules. The order of the lists does not matter. */
export interface NatInput {
  readonly networks: readonly NatNetwork[];
  readonly services: readonly NatService[];
}

export interface NatNetwork {
  /** The name of the network's bridge in the router. */
  readonly bridge: string;
  readonly ipv4?: Subnet;
  readonly ipv6?: Subnet;
  /** What its containers begin may leave by the uplink. */
  readonly outward?: boolean;
  /** What comes in by the uplink may reach its containers directly: the host itself may. */
  readonly fromHost?: boolean;
}

export interface NatService {
  /** The service IPs, at most one of each family. */
  readonly addresses: readonly IpAddress[];
  readonly ports: readonly ServicePort[];
  /** The providers that get new connections. A family is balanced over those that have an address of it. */
  readonly providers: readonly NatProvider[];
  /** Those that get none any more but may still have open ones, as far as they are known: what these carry is counted. */
  readonly draining?: readonly NatProvider[];
  /** Absent: round robin. */
  readonly algorithm?: Algorithm;
  /** Percentages; a provider says by its `group` which of them it shares. Their sum is at most 100. */
  readonly weights?: readonly number[];
}

export interface NatProvider {
  readonly addresses: readonly IpAddress[];
  /** The container's addresses in other networks of the tenant: it may call its own service with one of these. */
  readonly aliases?: readonly IpAddress[];
  /** While there are such, nobody else gets new connections. */
  readonly preferred?: true;
  /** The index of its weight; absent: it shares what the weights leave. */
  readonly group?: number;
}

/** A connection through a service, as conntrack has it. One that was not translated has the same as its service and its provider. */
export interface Flow {
  readonly protocol: Protocol;
  readonly client: { readonly address: IpAddress; readonly port: number };
  /** What the client asked for. */
  readonly service: { readonly address: IpAddress; readonly port: number };
  /** Who answers: the source of the reply direction. */
  readonly provider: { readonly address: IpAddress; readonly port: number };
  /** TCP has closed it; the kernel remembers it for a while. */
  readonly ended?: true;
}
