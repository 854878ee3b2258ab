import type { UplinkLink } from '../fabric/uplink.js';
import type { IpAddress, Prefix } from '../model/address.js';
import type { Protocol } from '../model/service.js';

/** All that decides what netctl holds in the host's own namespace. The order of the lists does not matter. */
export interface HostInput {
  /** Of every tenant with an uplink on this host. */
  readonly uplinks: readonly HostUplink[];
  /** The links of Docker's own networks, as far as they are not known by their name alone; absent: none. */
  readonly dockerBridges?: readonly string[];
  /** Absent: there are no other hosts. */
  readonly overlay?: HostOverlay;
}

/** From whom VXLAN packets are taken. */
export interface HostOverlay {
  /** UDP. */
  readonly port: number;
  /** The addresses on the underlay of all hosts that are known, whether they are there or away. */
  readonly hosts: readonly IpAddress[];
  /** UDP: VXLAN that never passes the underlay but in a tunnel. */
  readonly encryptedPort: number;
}

export interface HostUplink {
  readonly link: UplinkLink;
  /** The subnets of the tenant that the host itself reaches through it; empty: none. */
  readonly reachable: readonly Prefix[];
  /** All subnets of the tenant: whoever calls a published port from one of these addresses is given the host's own, else the router would take him for one of its own containers. */
  readonly subnets: readonly Prefix[];
  readonly publications: readonly HostPublication[];
}

/** A port of the host that leads to a port of the router's end of the uplink. */
export interface HostPublication {
  readonly protocol: Protocol;
  /** Absent: every address of the host, of the families in `families`. */
  readonly hostIp?: IpAddress;
  readonly hostPort: number;
  readonly routerPort: number;
  /** Which families the container has: only these are published. */
  readonly families: readonly (4 | 6)[];
}
