import type { ifla, rt } from 'netlink';
import { isBridgeName, isPortName } from '../../src/fabric/names.js';
import { fabricState } from '../../src/fabric/keys.js';
import type { AddressState, BridgeLink, FabricState, NeighbourState, PortLink, RouteState } from '../../src/fabric/state.js';
import { bitsOf, Prefix } from '../../src/model/address.js';
import { parseLinkInfo } from './linkinfo.js';
import { addressOfOctets, macOfOctets, socketFamily } from './netlink-octets.js';
import { loopback, mainTable, routeProtocol } from './route-shapes.js';
import type { Rtnetlink } from './rtnetlink.js';

type Link = BridgeLink | PortLink;
type NamesByIndex = ReadonlyMap<number, string>;

/** What a router holds of the fabric's shape; what else is in it is nobody's business here. */
export async function readFabric(router: Rtnetlink): Promise<FabricState> {
  const messages = await router.dump('links');
  const names = new Map(messages.map(({ data, attrs }) => [data.index ?? 0, attrs.ifname ?? '']));
  const links = messages.flatMap((message) => linkOf(message, names));
  const bridges = new Map(messages.filter(isBridge).map(({ data, attrs }) => [data.index ?? 0, attrs.ifname ?? '']));
  return fabricState({
    links,
    addresses: (await router.dump('addresses')).flatMap((message) => addressOf(message, bridges)),
    routes: (await readRoutes(router)).flatMap((message) => routeOf(message, names)),
    neighbours: (await router.dump('neighbours')).flatMap((message) => neighbourOf(message, bridges)),
  });
}

/** One list for each family: the list of all families has the tables of multicast routing, too. */
async function readRoutes(router: Rtnetlink): Promise<rt.RouteMessage[]> {
  return [...(await router.dump('routes', socketFamily(4))), ...(await router.dump('routes', socketFamily(6)))];
}

function isBridge({ attrs }: rt.LinkMessage): boolean {
  return parseLinkInfo(attrs.linkinfo).kind === 'bridge' && isBridgeName(attrs.ifname ?? '');
}

function linkOf(message: rt.LinkMessage, names: NamesByIndex): Link[] {
  const { data, attrs } = message;
  const name = attrs.ifname ?? '';
  const up = data.flags?.up === true;
  if (isBridge(message) && attrs.address) return [{ kind: 'bridge', name, mac: macOfOctets(attrs.address), up }];
  const { kind, hairpin } = parseLinkInfo(attrs.linkinfo);
  return kind === 'veth' && isPortName(name) ? [{ kind: 'port', name, ...attachment(attrs, names), hairpin, up }] : [];
}

function attachment({ master }: ifla.LinkAttrs, names: NamesByIndex): { bridge?: string } {
  const bridge = master === undefined ? undefined : names.get(master);
  return bridge === undefined ? {} : { bridge };
}

/** Link-local addresses are the kernel's own; so is their scope (RTM_NEWADDR: 253 is a link's, 0 is everywhere). */
function addressOf({ data, attrs }: rt.AddressMessage, bridges: NamesByIndex): AddressState[] {
  const link = bridges.get(data.index ?? 0);
  const octets = attrs.local ?? attrs.address;
  if (link === undefined || !octets || data.scope !== 0) return [];
  return [{ link, address: addressOfOctets(octets), length: data.prefixlen ?? 0 }];
}

/** Ours are known by their protocol number: the kernel's own routes and those that people add have others. */
function routeOf({ data, attrs }: rt.RouteMessage, names: NamesByIndex): RouteState[] {
  const link = names.get(attrs.oif ?? 0);
  if (data.protocol !== routeProtocol || !attrs.dst || link === undefined) return [];
  const prefix = Prefix.of(addressOfOctets(attrs.dst), data.dstLen ?? 0);
  if (data.type === 'UNICAST' && attrs.table === mainTable) return [{ kind: 'segment', prefix, link }];
  const isHost = prefix.length === bitsOf(prefix.family);
  return data.type === 'LOCAL' && isHost && link === loopback.name ? [{ kind: 'service', prefix, link }] : [];
}

function neighbourOf({ data, attrs }: rt.NeighborMessage, bridges: NamesByIndex): NeighbourState[] {
  const link = bridges.get(data.ifindex ?? 0);
  if (link === undefined || !data.state?.permanent || !attrs.dst || attrs.lladdr?.length !== 6) return [];
  return [{ link, address: addressOfOctets(attrs.dst), mac: macOfOctets(attrs.lladdr) }];
}
