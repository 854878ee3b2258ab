import type { IpAddress } from './address.js';
import type { Protocol } from './service.js';

/** A port of a container, published on its host: `docker run -p HOSTIP:HOSTPORT:PORT/PROTOCOL`. */
export interface Publication {
  readonly protocol: Protocol;
  /** The container's port. */
  readonly port: number;
  /** The host's address; absent: every address of the host, of both families. */
  readonly hostIp?: IpAddress;
  readonly hostPort: number;
  /**
   * The port of the router's uplink address to which the host leads it. Two hosts' addresses may have the
   * same port for different containers, so this is a number of its own: unique in its tenant, host and protocol.
   */
  readonly routerPort: number;
}
