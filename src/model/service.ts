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

/** Name, tenant, network, service IP, selector, ports; balanced over its providers. */
export interface Service {
  readonly tenant: string;
  readonly name: string;
  /** The network from whose pool the service IP is taken. Fixed for the service's life. */
  readonly network: string;
  readonly selectors: readonly SelectorTerm[];
  readonly ports: readonly ServicePort[];
  /** The service IP that the user asked for (`-ip`); absent: any. */
  readonly requestedIp?: IpAddress;
  /** Observed: the service IPs held, at most one of each family, IPv4 first. */
  readonly addresses: readonly IpAddress[];
}
