import type { ifla, rt } from 'netlink';
import { isBridgeName, isPortName, isVxlanName } from '../../src/fabric/names.js';
import { fabricState } from '../../src/fabric/keys.js';
import type { AddressState, FabricLink, FabricState, NeighbourState, RouteState, UplinkPort } from '../../src/fabric/state.js';
import { routerUplinkName } from '../../src/fabric/uplink.js';
import { bitsOf, IpAddress, Prefix } from '../../src/model/address.js';
import { readFdb } from './fdb.js';
import { parseLinkInfo } from './linkinfo.js';
import { addressOfOctets, macOfOctets, socketFamily } from './netlink-octets.js';
import { loopback, mainTable, routeProtocol } from './route-shapes.js';
import type { Rtnetlink } from './rtnetlink.js';
import { KernelRefusal } from './rtnetlink-errors.js';

type NamesByIndex = ReadonlyMap<number, string>;

/** What a router holds of the fabric's shape; what else is in it is nobody's business here. */
export async function readFabric(router: Rtnetlink, host: () => Rtnetlink): Promise<FabricState> {
  const messages = await router.dump('links');
  const names = namesIn(messages);
  const addressed = namesIn(messages.filter((message) => isBridge(message) || isUplink(message)));
  const links = await linksIn(messages, host);
  return fabricState({
    links,
    addresses: (await router.dump('addresses')).flatMap((message) => addressOf(message, addressed)),
    routes: (await readRoutes(router)).flatMap((message) => routeOf(message, names)),
    neighbours: (await router.dump('neighbours')).flatMap((message) => neighbourOf(message, addressed)),
    fdb: links.some(({ kind }) => kind === 'vxlan') ? await readFdb(router, names) : [],
  });
}

/** The part of {@link readFabric} that is told with links. */
export async function readLinks(router: Rtnetlink, host: () => Rtnetlink): Promise<FabricState['links']> {
  return fabricState({ links: await linksIn(await router.dump('links'), host) }).links;
}

function namesIn(messages: readonly rt.LinkMessage[]): NamesByIndex {
  return new Map(messages.map(({ data, attrs }) => [data.index ?? 0, attrs.ifname ?? '']));
}

async function linksIn(messages: readonly rt.LinkMessage[], host: () => Rtnetlink): Promise<FabricLink[]> {
  const names = namesIn(messages);
  const links = messages.flatMap((message) => linkOf(message, names));
  return [...links, ...(await Promise.all(messages.filter(isUplink).map((message) => uplinkOf(message, host()))))];
}

/** One list for each family: the list of all families has the tables of multicast routing, too. */
async function readRoutes(router: Rtnetlink): Promise<rt.RouteMessage[]> {
  return [...(await router.dump('routes', socketFamily(4))), ...(await router.dump('routes', socketFamily(6)))];
}

function isBridge({ attrs }: rt.LinkMessage): boolean {
  return parseLinkInfo(attrs.linkinfo).kind === 'bridge' && isBridgeName(attrs.ifname ?? '');
}

function isUplink({ attrs }: rt.LinkMessage): boolean {
  return attrs.ifname === routerUplinkName && attrs.address?.length === 6 && parseLinkInfo(attrs.linkinfo).kind === 'veth';
}

/** A link says which index its other end has, in that one's namespace. */
async function uplinkOf({ data, attrs }: rt.LinkMessage, host: Rtnetlink): Promise<UplinkPort> {
  const link = { kind: 'uplink', name: routerUplinkName, mac: macOfOctets(attrs.address ?? Buffer.alloc(6)), up: data.flags?.up === true } as const;
  const index = attrs.link?.readUInt32LE() ?? 0;
  const [peer] = await host.request((socket, options) => socket.getLink({ index }, {}, options)).catch(nothingIfGone);
  const { ifname = '', address, mtu = 0 } = peer?.attrs ?? {};
  // If somebody moved the end away, another link may have its index there: one of another name.
  if (address?.length !== 6) return link;
  return { ...link, peer: { name: ifname, mac: macOfOctets(address), mtu } };
}

function nothingIfGone(error: unknown): rt.LinkMessage[] {
  if (error instanceof KernelRefusal && error.errno === 'ENODEV') return [];
  throw error;
}

function linkOf(message: rt.LinkMessage, names: NamesByIndex): FabricLink[] {
  const { data, attrs } = message;
  const name = attrs.ifname ?? '';
  const up = data.flags?.up === true;
  const mtu = attrs.mtu ?? 0;
  const { kind, hairpin, suppressing, netfilter, vxlan } = parseLinkInfo(attrs.linkinfo);
  if (isBridge(message) && attrs.address) return [{ kind: 'bridge', name, mac: macOfOctets(attrs.address), mtu, netfilter, up }];
  if (vxlan && isVxlanName(name)) return [{ kind: 'vxlan', name, ...vxlan, ...attachment(attrs, names), mtu, suppressing, up }];
  return kind === 'veth' && isPortName(name) ? [{ kind: 'port', name, ...attachment(attrs, names), hairpin, mtu, up }] : [];
}

function attachment({ master }: ifla.LinkAttrs, names: NamesByIndex): { bridge?: string } {
  const bridge = master === undefined ? undefined : names.get(master);
  return bridge === undefined ? {} : { bridge };
}

/** Link-local addresses are the kernel's own; so is their scope (RTM_NEWADDR: 253 is a link's, 0 is everywhere). */
export function addressOf({ data, attrs }: rt.AddressMessage, links: NamesByIndex): AddressState[] {
  const link = links.get(data.index ?? 0);
  const octets = attrs.local ?? attrs.address;
  if (link === undefined || !octets || data.scope !== 0) return [];
  return [{ link, address: addressOfOctets(octets), length: data.prefixlen ?? 0 }];
}

/** Ours are known by their protocol number: the kernel's own routes and those that people add have others. */
function routeOf({ data, attrs }: rt.RouteMessage, names: NamesByIndex): RouteState[] {
  const link = names.get(attrs.oif ?? 0);
  if (data.protocol !== routeProtocol || link === undefined) return [];
  const via = attrs.gateway && addressOfOctets(attrs.gateway);
  const prefix = prefixOf(data, attrs);
  if (prefix.length === 0) return via ? [{ kind: 'default', prefix, link, via }] : [];
  if (data.type === 'UNICAST' && attrs.table === mainTable) return [{ kind: 'segment', prefix, link }];
  const isHost = prefix.length === bitsOf(prefix.family);
  return data.type === 'LOCAL' && isHost && link === loopback.name ? [{ kind: 'service', prefix, link }] : [];
}

/** A default route has no destination. */
export function prefixOf({ family = 0, dstLen = 0 }: rt.Route, { dst }: rt.RouteAttrs): Prefix {
  return Prefix.of(dst ? addressOfOctets(dst) : IpAddress.fromValue(family === socketFamily(4) ? 4 : 6, 0n), dstLen);
}

export function neighbourOf({ data, attrs }: rt.NeighborMessage, links: NamesByIndex): NeighbourState[] {
  const link = links.get(data.ifindex ?? 0);
  if (link === undefined || !data.state?.permanent || !attrs.dst || attrs.lladdr?.length !== 6) return [];
  return [{ link, address: addressOfOctets(attrs.dst), mac: macOfOctets(attrs.lladdr) }];
}
