import type { Family, IpAddress, Prefix } from './address.js';
import type { Deletion } from './deletion.js';

/** The addresses of one family in a network. */
export interface Subnet {
  readonly prefix: Prefix;
  /** Contiv's `10.1.1.50-10.1.1.100/24`: only these are given out. Absent: the whole prefix. */
  readonly range?: { readonly first: IpAddress; readonly last: IpAddress };
  /** The router's own address on the segment. Absent: containers get no default route. */
  readonly gateway?: IpAddress;
}

/** A layer-2 segment of a tenant, with a subnet of IPv4, of IPv6, or of both. */
export interface Network {
  readonly tenant: string;
  readonly name: string;
  readonly ipv4?: Subnet;
  readonly ipv6?: Subnet;
  /** The packet tag that the user asked for; absent: any. */
  readonly requestedVni?: number;
  /** Observed: the VXLAN network identifier that the network holds, unique over all tenants. */
  readonly vni: number;
  /** Contiv's network tag: a word of the user's, kept and shown. */
  readonly tag?: string;
  /** Nothing of it leaves the tenant: Docker's `--internal`. */
  readonly internal?: true;
  /** Between hosts its packets are encrypted. */
  readonly encrypted?: true;
  /** Docker's own IPAM gives its addresses (`docker network create -d netctl` without `--ipam-driver netctl`): netctl takes none of them for services. */
  readonly addressesBy?: 'docker';
  /** It is being deleted: nothing new may use it. */
  readonly deleting?: Deletion;
}

export function subnetsOf(network: Pick<Network, 'ipv4' | 'ipv6'>): Subnet[] {
  return [network.ipv4, network.ipv6].filter((subnet) => subnet !== undefined);
}

export function subnetOf(network: Pick<Network, 'ipv4' | 'ipv6'>, family: Family): Subnet | undefined {
  return family === 4 ? network.ipv4 : network.ipv6;
}

/** On one host, the Docker network that stands for a tenant's network. */
export interface DockerBinding {
  readonly host: string;
  /** Docker's network id, 64 hexadecimal digits. */
  readonly dockerNetworkId: string;
  readonly tenant: string;
  readonly network: string;
}

/** A Docker network on a host that was away when the network it stood for was deleted. It stands for nothing, and goes when the host is back. */
export interface Leftover {
  readonly host: string;
  /** Docker's network id. */
  readonly dockerNetworkId: string;
}
