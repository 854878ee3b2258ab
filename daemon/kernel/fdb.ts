import type { rt } from 'netlink';
import { FlagsNew } from 'netlink';
import type { FdbState } from '../../src/fabric/state.js';
import { gone, onLink, replace, type Place } from './link-items.js';
import { addressOfOctets, macOfOctets, octetsOfAddress, octetsOfMac } from './netlink-octets.js';
import type { Rtnetlink } from './rtnetlink.js';

// The entries that say on which host an endpoint is. One is in two tables of the same address: the VXLAN link's own
// has the host, the bridge's has the link. Rejections as Rtnetlink's.

const AF_BRIDGE = 7;

/** Stands for everything that has no entry of its own. */
const zeroMac = Buffer.alloc(6);

/** `ip`'s "static". The one is what the bridge takes for an entry that does not age, the other what the VXLAN link wants. */
const fixed = { noarp: true, reachable: true } as const;

/** What VXLAN links and their bridges hold. Their own addresses, and what a bridge learned, are left out. */
export async function readFdb(router: Rtnetlink, names: ReadonlyMap<number, string>): Promise<FdbState[]> {
  const messages = (await router.dump('neighbours', AF_BRIDGE)).filter(({ data }) => (names.get(data.ifindex ?? 0) ?? '').startsWith('vx'));
  const bridged = new Set(messages.filter(isFixedInBridge).map((message) => macKey(message, names)));
  const destined = messages.filter(({ data, attrs }) => data.flags?.self && attrs.dst);
  const known = new Set(destined.map((message) => macKey(message, names)));
  const halves = messages.filter((message) => isFixedInBridge(message) && !known.has(macKey(message, names)));
  return [...destined, ...halves].flatMap((message) => entryOf(message, names, bridged));
}

function isFixedInBridge({ data: { flags, state } }: rt.NeighborMessage): boolean {
  return !flags?.self && state?.noarp === true && !state.permanent;
}

function macKey({ data, attrs }: rt.NeighborMessage, names: ReadonlyMap<number, string>): string {
  return `${names.get(data.ifindex ?? 0)} ${attrs.lladdr?.toString('hex')}`;
}

function entryOf(message: rt.NeighborMessage, names: ReadonlyMap<number, string>, bridged: ReadonlySet<string>): FdbState[] {
  const { data, attrs } = message;
  const link = names.get(data.ifindex ?? 0);
  if (link === undefined || attrs.lladdr?.length !== 6) return [];
  const destination = attrs.dst && addressOfOctets(attrs.dst);
  if (attrs.lladdr.equals(zeroMac)) return destination ? [{ kind: 'flood', link, destination }] : [];
  const mac = macOfOctets(attrs.lladdr);
  return [{ kind: 'unicast', link, mac, ...(destination ? { destination } : {}), bridged: bridged.has(macKey(message, names)) }];
}

/** Both tables at once. The bridge's is passed over if the link is not in one. */
export async function setFdb({ rtnetlink, indexes }: Place, entry: FdbState): Promise<void> {
  const ifindex = await indexes.of(entry.link);
  const dst = entry.destination ? { dst: octetsOfAddress(entry.destination) } : {};
  if (entry.kind === 'flood') {
    const data = { family: AF_BRIDGE, ifindex, state: { permanent: true }, flags: { self: true } } as const;
    await rtnetlink.request((socket, options) => socket.newNeighbor(data, { lladdr: zeroMac, ...dst }, { ...options, flags: FlagsNew.CREATE | FlagsNew.APPEND }));
    return;
  }
  const data = { family: AF_BRIDGE, ifindex, state: fixed, flags: { self: true, master: true } } as const;
  await rtnetlink.request((socket, options) => socket.newNeighbor(data, { lladdr: octetsOfMac(entry.mac), ...dst }, { ...options, ...replace }));
}

/** One after the other: in one message the absence of the one would keep the other. */
export async function deleteFdb(place: Place, entry: FdbState): Promise<void> {
  if (entry.kind === 'flood') return deleteFrom(place, entry.link, { self: true }, { lladdr: zeroMac, dst: octetsOfAddress(entry.destination) });
  const lladdr = octetsOfMac(entry.mac);
  if (entry.bridged) await deleteFrom(place, entry.link, { master: true }, { lladdr });
  await deleteFrom(place, entry.link, { self: true }, { lladdr });
}

async function deleteFrom(place: Place, link: string, flags: rt.NeighborFlags, attrs: rt.NeighborAttrs): Promise<void> {
  await onLink(place, link, ['ENOENT', ...gone], (ifindex) => place.rtnetlink.request((socket, options) => socket.delNeighbor({ family: AF_BRIDGE, ifindex, flags }, attrs, options)));
}
