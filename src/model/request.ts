import type { IpAddress } from './address.js';
import type { Subnet } from './network.js';
import type { Algorithm, Preference, SelectorTerm, ServicePort, Weight } from './service.js';

/** What a user asks for when creating a network; parsed and well-formed, not yet checked against what exists. */
export interface NetworkRequest {
  readonly tenant: string;
  readonly name: string;
  readonly ipv4?: Subnet;
  readonly ipv6?: Subnet;
  readonly vni?: number;
  readonly tag?: string;
  readonly internal?: true;
  /** Absent: as this host does it by default. */
  readonly encrypted?: boolean;
}

export interface ServiceRequest {
  readonly tenant: string;
  readonly name: string;
  readonly network: string;
  readonly selectors: readonly SelectorTerm[];
  readonly ports: readonly ServicePort[];
  readonly algorithm: Algorithm;
  readonly weights: readonly Weight[];
  readonly prefer: Preference;
  /** At most one of each family. */
  readonly ips: readonly IpAddress[];
}

/** What a user wants changed of a service; what is absent stays as it is. */
export interface ServiceChange {
  readonly tenant: string;
  readonly name: string;
  /** Only as it is: it cannot change. */
  readonly network?: string;
  readonly selectors?: readonly SelectorTerm[];
  readonly ports?: readonly ServicePort[];
  readonly algorithm?: Algorithm;
  readonly weights?: readonly Weight[];
  readonly prefer?: Preference;
  /** At most one of each family: those that the service has, or one of a family of which it has none. */
  readonly ips?: readonly IpAddress[];
}

/** What a user asks for when creating a tenant; what is absent stays as it is, or as it is by default. */
export interface TenantRequest {
  readonly name: string;
  readonly hostAccess?: boolean;
}
