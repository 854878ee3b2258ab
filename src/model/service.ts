import type { IpAddress } from './address.js';

export const protocols = ['tcp', 'udp'] as const;
export type Protocol = (typeof protocols)[number];

/** Port `port` of the service IP leads to port `targetPort` of a provider. Both 1..65535. */
export interface ServicePort {
  readonly port: number;
  readonly targetPort: number;
  readonly protocol: Protocol;
}

/** One term of a selector. All terms of a service must hold for a container to be selected. */
export type SelectorTerm =
  | { readonly key: string; readonly operator: '=' | '!='; readonly value: string }
  | { readonly key: string; readonly operator: 'in' | 'notin'; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: 'exists' | 'absent' };

/**
 * Who of the providers gets a new connection: each in turn; anyone; or, by the client's address, the same one
 * as long as it is a provider.
 */
export const algorithms = ['roundrobin', 'random', 'source'] as const;
export type Algorithm = (typeof algorithms)[number];

/** Which providers come first: `local`, those on the client's own host while there are any; `any`, none. */
export const preferences = ['any', 'local'] as const;
export type Preference = (typeof preferences)[number];

/**
 * The providers that satisfy the term get, together, this share of new connections. A provider counts for the
 * first weight whose term it satisfies; those without share what remains of 100.
 */
export interface Weight {
  readonly term: SelectorTerm;
  /** 0..100; the weights of a service have a sum of at most 100. */
  readonly percent: number;
}

/** Name, tenant, network, service IP, selector, ports; balanced over its providers. */
export interface Service {
  readonly tenant: string;
  readonly name: string;
  /** The network from whose pool the service IP is taken. Fixed for the service's life. */
  readonly network: string;
  readonly selectors: readonly SelectorTerm[];
  readonly ports: readonly ServicePort[];
  readonly algorithm: Algorithm;
  readonly weights: readonly Weight[];
  readonly prefer: Preference;
  /** The ids of the containers that a user took out of it (`netctl service drain`): no new connections, open ones live. */
  readonly drained: readonly string[];
  /** The service IPs that the user asked for (`-ip`), at most one of each family; none of a family: any. */
  readonly requestedIps: readonly IpAddress[];
  /** Observed: the service IPs held, at most one of each family, IPv4 first. */
  readonly addresses: readonly IpAddress[];
}
