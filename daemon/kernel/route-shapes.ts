import { AttrStream, rt } from 'netlink';
import type { TunnelRoute } from '../../src/encryption/state.js';
import type { RouteState } from '../../src/fabric/state.js';
import type { HostRouteState } from '../../src/host/state.js';
import { bitsOf } from '../../src/model/address.js';
import { octetsOfAddress, socketFamily } from './netlink-octets.js';

/** The loopback link is the same in every network namespace. */
export const loopback = { name: 'lo', index: 1 } as const;

/** Marks our routes. Free for programs to choose from 5 on; those in common use are in iproute2's rt_protos, and this is none of them. */
export const routeProtocol = 110 as rt.RouteProtocol;

/** Routing tables (linux/rtnetlink.h): where packets are forwarded, and what the host takes for itself. */
export const mainTable = 254;
export const localTable = 255;

/** Route scopes: of a route that leads further, of one that ends at the link, and of one that ends in the host itself. */
const everywhereScope = 0;
const linkScope = 253;
const hostScope = 254;

/** The route as netlink has it. @param oif the index of its link. */
export function routeMessage(route: RouteState, oif: number): { data: rt.Route; attrs: rt.RouteAttrs } {
  const { prefix } = route;
  const common = { family: socketFamily(prefix.family), dstLen: prefix.length, protocol: routeProtocol };
  const via = route.kind === 'default' ? { gateway: octetsOfAddress(route.via) } : {};
  return { data: { ...common, ...shapes[route.kind] }, attrs: { dst: octetsOfAddress(prefix.address), oif, ...via } };
}

/** {@link routeMessage}, behind the header of a message. */
export function octetsOfRoute(route: RouteState, oif: number): Buffer {
  const out = new AttrStream();
  rt.formatRouteMessage({ kind: 'route', ...routeMessage(route, oif) }, out);
  return Buffer.concat(out.bufs);
}

const shapes: Readonly<Record<RouteState['kind'], rt.Route>> = {
  segment: { table: mainTable, type: 'UNICAST', scope: linkScope },
  service: { table: localTable, type: 'LOCAL', scope: hostScope },
  default: { table: mainTable, type: 'UNICAST', scope: everywhereScope },
};

/**
 * Of our routes on the host. In the kernel a route is told apart by its prefix and metric: with one that nobody else
 * uses ours replaces nobody else's, and every other route to the same prefix goes before it.
 */
const hostRouteMetric = 20_110;

/** Of the host as well: to another host's address within the tunnels. */
export function tunnelRouteMessage({ to, from }: TunnelRoute, oif: number): { data: rt.Route; attrs: rt.RouteAttrs } {
  const data = { family: socketFamily(to.family), dstLen: bitsOf(to.family), protocol: routeProtocol, ...shapes.segment };
  return { data, attrs: { dst: octetsOfAddress(to), oif, priority: hostRouteMetric, ...(from ? { prefsrc: octetsOfAddress(from) } : {}) } };
}

export function hostRouteMessage(route: HostRouteState, oif: number): { data: rt.Route; attrs: rt.RouteAttrs } {
  const { prefix } = route;
  const shape = route.kind === 'subnet' ? shapes.default : shapes.service;
  const data = { family: socketFamily(prefix.family), dstLen: prefix.length, protocol: routeProtocol, ...shape };
  const attrs = { dst: octetsOfAddress(prefix.address), oif, priority: hostRouteMetric };
  if (route.kind === 'loopback') return { data, attrs };
  return { data, attrs: { ...attrs, gateway: octetsOfAddress(route.via), ...(route.source ? { prefsrc: octetsOfAddress(route.source) } : {}) } };
}
