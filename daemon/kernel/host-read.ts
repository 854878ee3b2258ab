import type { rt } from 'netlink';
import type { AddressState, NeighbourState } from '../../src/fabric/state.js';
import { isUplinkName } from '../../src/fabric/uplink.js';
import type { HostLink, HostRouteState } from '../../src/host/state.js';
import { addressOf, neighbourOf, prefixOf } from './fabric-read.js';
import { parseLinkInfo } from './linkinfo.js';
import { addressOfOctets, macOfOctets, socketFamily } from './netlink-octets.js';
import type { HostRoute } from './port.js';
import { localTable, loopback, mainTable, routeProtocol } from './route-shapes.js';
import type { Rtnetlink } from './rtnetlink.js';

/** The links of the host's state, and what is on them. */
export interface HostLinks {
  readonly links: HostLink[];
  readonly addresses: AddressState[];
  readonly neighbours: NeighbourState[];
  readonly routes: HostRouteState[];
}

/** What the host has of uplinks; what else it has is nobody's business here. */
export async function readHostLinks(host: Rtnetlink): Promise<HostLinks> {
  const uplinks = (await host.dump('links')).filter(isUplink);
  const names = new Map(uplinks.map(({ data, attrs }) => [data.index ?? 0, attrs.ifname ?? '']));
  return {
    links: uplinks.map(({ data, attrs }) => ({ name: attrs.ifname ?? '', mac: macOfOctets(attrs.address ?? Buffer.alloc(6)), up: data.flags?.up === true })),
    addresses: (await host.dump('addresses')).flatMap((message) => addressOf(message, names)),
    neighbours: (await host.dump('neighbours')).flatMap((message) => neighbourOf(message, names)),
    routes: (await dumpRoutes(host)).flatMap((message) => routeOf(message, names)),
  };
}

/**
 * Where the host sends packets by the main table, without what it sends by its default routes, by uplinks and by
 * loopback. The routes to the host's own networks are among them: the kernel makes one for each address.
 */
export async function readForeignRoutes(host: Rtnetlink): Promise<HostRoute[]> {
  const links = await host.dump('links');
  const names = new Map(links.filter((link) => !isUplink(link)).map(({ data, attrs }) => [data.index ?? 0, attrs.ifname ?? '']));
  return (await dumpRoutes(host)).flatMap(({ data, attrs }) => {
    const link = names.get(attrs.oif ?? firstHop(attrs));
    const prefix = prefixOf(data, attrs);
    const leads = data.type === 'UNICAST' && attrs.table === mainTable && prefix.length > 0 && !isLinkLocal(prefix.toString());
    return leads && link !== undefined && link !== loopback.name ? [{ prefix, link }] : [];
  });
}

/** Each link has its own of these, and nobody is reached by them without saying which link is meant. */
function isLinkLocal(prefix: string): boolean {
  return prefix === 'fe80::/64';
}

/** A route by several links has a list of hops: the index of the link is in the second word of each (struct rtnexthop). */
function firstHop({ multipath }: rt.RouteAttrs): number {
  return multipath && multipath.length >= 8 ? multipath.readUInt32LE(4) : 0;
}

function isUplink({ attrs }: rt.LinkMessage): boolean {
  return isUplinkName(attrs.ifname ?? '') && attrs.address?.length === 6 && parseLinkInfo(attrs.linkinfo).kind === 'veth';
}

/** One list for each family: the list of all families has the tables of multicast routing, too. */
async function dumpRoutes(host: Rtnetlink): Promise<rt.RouteMessage[]> {
  return [...(await host.dump('routes', socketFamily(4))), ...(await host.dump('routes', socketFamily(6)))];
}

function routeOf({ data, attrs }: rt.RouteMessage, names: ReadonlyMap<number, string>): HostRouteState[] {
  const link = names.get(attrs.oif ?? 0);
  if (data.protocol !== routeProtocol || link === undefined) return [];
  const prefix = prefixOf(data, attrs);
  if (attrs.table === localTable) return [{ kind: 'loopback', prefix, link }];
  if (attrs.table !== mainTable || !attrs.gateway) return [];
  return [{ kind: 'subnet', prefix, link, via: addressOfOctets(attrs.gateway), ...(attrs.prefsrc ? { source: addressOfOctets(attrs.prefsrc) } : {}) }];
}
