import { IpAddress, type Family } from '../model/address.js';
import type { Endpoint } from '../model/endpoint.js';
import { invalid } from '../model/errors.js';
import { subnetOf, type Network } from '../model/network.js';
import type { Publication } from '../model/publication.js';
import type { Protocol } from '../model/service.js';

/** A port that is to be published. */
export interface WantedPort {
  readonly protocol: Protocol;
  readonly port: number;
  /** Absent: all addresses of the host, of the families in `families`. */
  readonly hostIp?: IpAddress;
  /** The families in which it is published: those of `hostIp`, if there is one. */
  readonly families: readonly Family[];
  /** The host's ports of which one is wanted; absent: any. */
  readonly range?: { readonly first: number; readonly last: number };
}

/** IP's numbers of the protocols (IANA, Assigned Internet Protocol Numbers). */
const protocolNumbers: ReadonlyMap<number, Protocol> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
]);
const sctp = 132;

/** @throws NetctlError `invalid` for all but TCP and UDP. */
export function publishedProtocol(number: number, port: number): Protocol {
  const protocol = protocolNumbers.get(number);
  if (protocol) return protocol;
  throw invalid(`port ${port}/${number === sctp ? 'sctp' : number} cannot be published: netctl publishes TCP and UDP only`);
}

/** The families in which the world can speak to a container: it has an address, and a way for its answers. */
export function publishableFamilies(addresses: readonly IpAddress[], network: Pick<Network, 'ipv4' | 'ipv6' | 'internal'>): Family[] {
  if (network.internal) return [];
  return ([4, 6] as const).filter((family) => subnetOf(network, family)?.gateway !== undefined && addresses.some((address) => address.family === family));
}

/** Those in which the publication holds. */
export function familiesOf({ hostIp }: Pick<Publication, 'hostIp'>, endpoint: Pick<Endpoint, 'addresses'>, network: Pick<Network, 'ipv4' | 'ipv6' | 'internal'>): Family[] {
  return publishableFamilies(endpoint.addresses, network).filter((family) => hostIp === undefined || hostIp.family === family);
}

/** `0.0.0.0` and `::`. */
export function isUnspecified({ value }: IpAddress): boolean {
  return value === 0n;
}

/** The addresses of the host at which it is published: one of each family, the unspecified ones if none was named. */
export function hostAddresses(hostIp: IpAddress | undefined, families: readonly Family[]): IpAddress[] {
  return hostIp ? [hostIp] : families.map((family) => IpAddress.fromValue(family, 0n));
}

/** Whether what is held already is what Docker asks for, as when it asks twice. */
export function satisfies(publications: readonly Publication[], wanted: readonly WantedPort[]): boolean {
  return (
    publications.length === wanted.length &&
    wanted.every(({ protocol, port, hostIp, range }, index) => {
      const publication = publications[index];
      const sameIp = publication?.hostIp === undefined || hostIp === undefined ? publication?.hostIp === hostIp : publication.hostIp.equals(hostIp);
      const sameHostPort = publication !== undefined && (!range || (publication.hostPort >= range.first && publication.hostPort <= range.last));
      return publication?.protocol === protocol && publication.port === port && sameIp && sameHostPort;
    })
  );
}

/**
 * Gives each publication its port of the router: the host's own where that is free, which is easiest for people who look
 * into a router.
 * @param taken those of the tenant's other publications on the host
 */
export function assignRouterPorts(chosen: readonly Omit<Publication, 'routerPort'>[], taken: readonly Publication[]): Publication[] {
  const used = new Set(taken.map(({ protocol, routerPort }) => `${protocol} ${routerPort}`));
  return chosen.map((publication) => {
    const { protocol, hostPort } = publication;
    let routerPort = hostPort;
    while (used.has(`${protocol} ${routerPort}`)) routerPort = (routerPort % 65_535) + 1;
    used.add(`${protocol} ${routerPort}`);
    return { ...publication, routerPort };
  });
}
