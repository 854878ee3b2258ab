import type { Family, IpAddress, Mac, Prefix } from '../src/model/address.js';

/**
 * What the Docker protocol asks of netctl's IPAM. All calls may come twice, out of order, and for
 * things unknown; releases of what is not held succeed. Refusals are NetctlErrors. An
 * implementation never calls the Docker API: Docker holds locks while it waits for the answer.
 */
export interface AddressPort {
  /** The pool of a network that already exists in netctl. */
  requestPool(request: { tenant: string; network: string; family: Family; subnet?: Prefix }): Promise<{ poolId: string; prefix: Prefix }>;
  /** A pool for a network that Docker makes by itself, before it says which: of this subnet, of which only the range is given out; or of any. */
  openPool(request: { family: Family; subnet?: Prefix; range?: Prefix }): Promise<{ poolId: string; prefix: Prefix }>;
  releasePool(poolId: string): Promise<void>;
  /** Any address, or this one. The answer carries the pool's prefix length. */
  requestAddress(request: { poolId: string; address?: IpAddress; purpose: 'gateway' | 'endpoint' }): Promise<{ address: IpAddress; prefixLength: number }>;
  releaseAddress(poolId: string, address: IpAddress): Promise<void>;
}

/** What the Docker protocol asks of netctl's network driver. The same rules hold as for {@link AddressPort}. */
export interface EndpointPort {
  /** Docker made a network under this id: it stands for the tenant's network from now on. */
  createNetwork(request: { networkId: string; tenant: string; network: string }): Promise<void>;
  /** Docker makes a network by itself (`docker network create -d netctl`). Its name comes later, and not by this protocol. */
  createUnnamedNetwork(request: UnnamedNetworkRequest): Promise<void>;
  deleteNetwork(networkId: string): Promise<void>;
  /** Returns what Docker did not give: only fields that were absent in the request. */
  createEndpoint(request: { networkId: string; endpointId: string; addresses: readonly IpAddress[]; mac?: Mac }): Promise<{ mac?: Mac }>;
  deleteEndpoint(networkId: string, endpointId: string): Promise<void>;
  endpointInfo(networkId: string, endpointId: string): Promise<Record<string, string>>;
  /** Makes the link. On return it exists in the host's own namespace and Docker may move it. */
  join(request: { networkId: string; endpointId: string; sandboxKey: string }): Promise<JoinAnswer>;
  leave(networkId: string, endpointId: string): Promise<void>;
}

/** What Docker says of a network that it makes by itself. */
export interface UnnamedNetworkRequest {
  readonly networkId: string;
  readonly tenant: string;
  readonly internal: boolean;
  /** Whose IPAM gave the subnets, and gives the addresses. */
  readonly addressesBy: 'netctl' | 'docker';
  readonly subnets: readonly {
    readonly prefix: Prefix;
    readonly gateway?: IpAddress;
    /** Docker's `--aux-address`es. */
    readonly reserved: readonly IpAddress[];
  }[];
}

export interface JoinAnswer {
  /** The container's end of the veth pair, as it is named now. */
  readonly linkName: string;
  /** Docker names it this, with a number behind it, inside the container. */
  readonly linkPrefix: string;
  readonly gateway?: IpAddress;
  readonly gatewayV6?: IpAddress;
  /** Further routes, besides those that Docker makes of the gateways. */
  readonly routes?: readonly { readonly destination: Prefix; readonly nextHop: IpAddress }[];
}

/** A port to publish on the host: `docker run -p HOSTIP:HOSTPORT-HOSTPORTEND:PORT/PROTOCOL`. */
export interface PortRequest {
  /** The number that IP has for the protocol: 6 is TCP. */
  readonly protocol: number;
  readonly port: number;
  /** Absent: all addresses of the host. */
  readonly hostIp?: IpAddress;
  /** 0: any port. */
  readonly hostPort: number;
  /** The last of a range of which any port will do; not above `hostPort`: there is no range. */
  readonly hostPortEnd: number;
}

/** What the Docker protocol asks about published ports. The same rules hold as for {@link AddressPort}. */
export interface PublicationPort {
  /** Publishes these ports of the endpoint, and no others. On return they are reached. */
  publish(request: { endpointId: string; ports: readonly PortRequest[] }): Promise<void>;
  revoke(endpointId: string): Promise<void>;
}
