import type { IpAddress } from './address.js';
import type { Subnet } from './network.js';
import type { SelectorTerm, ServicePort } from './service.js';

/** What a user asks for when creating a network; parsed and well-formed, not yet checked against what exists. */
export interface NetworkRequest {
  readonly tenant: string;
  readonly name: string;
  readonly ipv4?: Subnet;
  readonly ipv6?: Subnet;
  readonly vni?: number;
  readonly tag?: string;
}

export interface ServiceRequest {
  readonly tenant: string;
  readonly name: string;
  readonly network: string;
  readonly selectors: readonly SelectorTerm[];
  readonly ports: readonly ServicePort[];
  readonly ip?: IpAddress;
}
