import { FlagsNew, type rt } from 'netlink';
import type { AddressState, NeighbourState } from '../../src/fabric/state.js';
import { bitsOf } from '../../src/model/address.js';
import { octetsOfAddress, octetsOfMac, socketFamily } from './netlink-octets.js';
import { loopback } from './route-shapes.js';
import type { Rtnetlink } from './rtnetlink.js';
import { KernelRefusal, tolerating } from './rtnetlink-errors.js';

// What is on links, in a router as on the host. Additions replace what is there; deletions of what is
// absent succeed. Rejections as Rtnetlink's.

/** A namespace in which links and what is on them are changed. */
export interface Place {
  readonly rtnetlink: Rtnetlink;
  readonly indexes: LinkIndexes;
}

export const replace = { flags: FlagsNew.CREATE | FlagsNew.REPLACE };
export const gone = ['ENODEV'];

/** The life of an address that does not end, in seconds. */
const forever = 0xffffffff;

/** The link indexes of a namespace, asked for once. */
export class LinkIndexes {
  readonly #known = new Map<string, number>([[loopback.name, loopback.index]]);

  constructor(private readonly rtnetlink: Rtnetlink) {}

  /** @throws KernelRefusal ENODEV if there is no such link. */
  async of(name: string): Promise<number> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const [link] = await this.rtnetlink.request((socket, options) => socket.getLink({}, { ifname: name }, options));
    if (link?.data.index === undefined) throw new KernelRefusal('ENODEV');
    this.#known.set(name, link.data.index);
    return link.data.index;
  }

  forget(name: string): void {
    this.#known.delete(name);
  }
}

export function placeOf(rtnetlink: Rtnetlink): Place {
  return { rtnetlink, indexes: new LinkIndexes(rtnetlink) };
}

export function deleteLink({ rtnetlink, indexes }: Place, name: string): Promise<void> {
  indexes.forget(name);
  return tolerating(gone, rtnetlink.request((socket, options) => socket.delLink({}, { ifname: name }, options)));
}

export async function addAddress({ rtnetlink, indexes }: Place, address: AddressState): Promise<void> {
  const { data, attrs } = addressMessage(address, await indexes.of(address.link));
  await rtnetlink.request((socket, options) => socket.newAddress(data, attrs, { ...options, ...replace }));
}

export async function deleteAddress(place: Place, address: AddressState): Promise<void> {
  await onLink(place, address.link, ['EADDRNOTAVAIL', ...gone], (index) => {
    const { data, attrs } = addressMessage(address, index);
    return place.rtnetlink.request((socket, options) => socket.delAddress(data, attrs, options));
  });
}

/**
 * No duplicate address detection: a gateway's address is the same on every host, and it is needed at once (RFC
 * 4862, section 5.4). An IPv6 address without others in its prefix is a service's: it makes no route, and it is
 * deprecated from the start, so that the router does not choose it for what it sends itself (RFC 6724, rule 3).
 */
function addressMessage({ address, length }: AddressState, index: number): { data: rt.Address; attrs: rt.AddressAttrs } {
  const octets = octetsOfAddress(address);
  const data = { family: socketFamily(address.family), prefixlen: length, index, flags: { nodad: true } as const };
  const attrs = { local: octets, address: octets };
  if (address.family === 4 || length < bitsOf(6)) return { data, attrs };
  return { data, attrs: { ...attrs, flags: { nodad: true, noprefixroute: true }, cacheInfo: { ifaPrefered: 0, ifaValid: forever } } };
}

export async function setNeighbour({ rtnetlink, indexes }: Place, { link, address, mac }: NeighbourState): Promise<void> {
  const data = { family: socketFamily(address.family), ifindex: await indexes.of(link), state: { permanent: true } } as const;
  const attrs = { dst: octetsOfAddress(address), lladdr: octetsOfMac(mac) };
  await rtnetlink.request((socket, options) => socket.newNeighbor(data, attrs, { ...options, ...replace }));
}

export async function deleteNeighbour(place: Place, { link, address }: NeighbourState): Promise<void> {
  await onLink(place, link, ['ENOENT', ...gone], (ifindex) => {
    const data = { family: socketFamily(address.family), ifindex };
    return place.rtnetlink.request((socket, options) => socket.delNeighbor(data, { dst: octetsOfAddress(address) }, options));
  });
}

/** A deletion: what is not there, or whose link is not there, is deleted already. */
export async function onLink({ indexes }: Place, link: string, absent: readonly string[], remove: (index: number) => Promise<unknown>): Promise<void> {
  await tolerating(absent, indexes.of(link).then(remove));
}

export function upFlag(up: boolean): rt.Link {
  return { flags: up ? { up: true } : {}, change: { up: true } };
}
