import { bitsOf, IpAddress, Prefix, type Family } from '../model/address.js';
import { fabricState } from './keys.js';
import { bridgeMac, bridgeName, containerLinkName, portName } from './names.js';
import { overlayState, wayOf } from './overlay.js';
import type { AddressState, BridgeLink, FabricEndpoint, FabricInput, FabricNetwork, FabricOverlay, FabricState, NeighbourState, PortLink, RouteState, UplinkPort } from './state.js';
import { endAddresses, type UplinkLink } from './uplink.js';

/** Ethernet's own MTU, in bytes (RFC 894): of uplinks, and of segments that end at this host. */
export const ethernetMtu = 1500;

/**
 * What a tenant's router must hold for these networks, endpoints and service addresses. An endpoint
 * of a network that is not among them has no segment to be attached to and is left out.
 * @param services what {@link planServices} says of them, if that is known already.
 */
export function planFabric(input: FabricInput, services = planServices(input.networks, input.serviceAddresses)): FabricState {
  const networks = input.networks.toSorted((a, b) => a.vni - b.vni);
  const mtus = new Map(networks.map((network) => [network.vni, segmentMtuOf(network, input.overlay)]));
  const endpoints = input.endpoints
    .filter((endpoint) => mtus.has(endpoint.vni))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const mtuOf = (vni: number): number => mtus.get(vni) ?? ethernetMtu;
  const own = fabricState({
    links: [...networks.map((network) => bridgeOf(network, mtuOf(network.vni))), ...endpoints.map((endpoint) => portOf(endpoint, mtuOf(endpoint.vni)))],
    addresses: networks.flatMap(gatewaysOf),
    routes: networks.flatMap(segmentRoutesOf),
    neighbours: endpoints.flatMap(neighboursOf),
  });
  const { uplink, overlay } = input;
  const families = new Set(networks.flatMap(({ subnets }) => subnets.map(({ prefix }) => prefix.family)));
  const others = overlay ? [overlayState(overlay, { networks, endpoints, serviceAddresses: input.serviceAddresses.toSorted((a, b) => a.compare(b)) })] : [];
  const led = uplink ? [uplinkState(uplink, families)] : [];
  // The services come last: they may be many, and each step copies all before it.
  return [...others, own, ...led, services].reduce(merged);
}

/** What the router must hold for its service IPs, whatever else there is. */
export function planServices(networks: readonly FabricNetwork[], serviceAddresses: readonly IpAddress[]): FabricState {
  const services = serviceAddresses.toSorted((a, b) => a.compare(b)).map((address) => ({ address, segment: segmentOf(address, networks) }));
  return fabricState({
    addresses: services.flatMap(({ address, segment }) => (segment ? [serviceAddress(address, segment)] : [])),
    routes: services.flatMap(({ address, segment }) => (segment ? [] : [serviceRoute(address)])),
  });
}

/** Of all links of the network, in bytes. */
function segmentMtuOf(network: Pick<FabricNetwork, 'encrypted'>, overlay: FabricOverlay | undefined): number {
  return wayOf(network, overlay)?.mtu ?? ethernetMtu;
}

/** Of the endpoints' links, in bytes, by endpoint id. */
export function endpointMtus({ networks, endpoints, overlay }: FabricInput): Map<string, number> {
  const mtus = new Map(networks.map((network) => [network.vni, segmentMtuOf(network, overlay)]));
  return new Map(endpoints.map(({ id, vni }) => [id, mtus.get(vni) ?? ethernetMtu]));
}

/** Of two items with one key that of `b` counts. */
function merged(a: FabricState, b: FabricState): FabricState {
  return {
    links: new Map([...a.links, ...b.links]),
    addresses: new Map([...a.addresses, ...b.addresses]),
    routes: new Map([...a.routes, ...b.routes]),
    neighbours: new Map([...a.neighbours, ...b.neighbours]),
    fdb: new Map([...a.fdb, ...b.fdb]),
  };
}

function bridgeOf({ vni, netfilter }: FabricNetwork, mtu: number): BridgeLink {
  return { kind: 'bridge', name: bridgeName(vni), mac: bridgeMac(vni), mtu, netfilter: netfilter === true, up: true };
}

/** Hairpin is on so that a provider which calls its own service gets its frame back through the port it came from. */
function portOf({ id, vni, mac }: FabricEndpoint, mtu: number): PortLink {
  const peer = { name: containerLinkName(id), mac, mtu };
  return { kind: 'port', name: portName(id), bridge: bridgeName(vni), hairpin: true, mtu, up: true, peer };
}

function gatewaysOf({ vni, subnets }: FabricNetwork): AddressState[] {
  return subnets.flatMap(({ prefix, gateway }) => (gateway ? [{ link: bridgeName(vni), address: gateway, length: prefix.length }] : []));
}

/** With a gateway address the kernel itself adds the route to the segment; without one nobody does. */
function segmentRoutesOf({ vni, subnets }: FabricNetwork): RouteState[] {
  return subnets
    .filter(({ gateway }) => gateway === undefined)
    .map(({ prefix }) => ({ kind: 'segment', prefix, link: bridgeName(vni) }));
}

/**
 * A local route on loopback: the router takes packets to the address, and answers ARP for it on every
 * bridge (arp_ignore is 0), without the address being on a link.
 */
function serviceRoute(address: IpAddress): RouteState {
  return { kind: 'service', prefix: Prefix.of(address, bitsOf(address.family)), link: 'lo' };
}

/** Neighbour solicitations are answered only for addresses of the link they arrive on (Linux 6.18, `ndisc_recv_ns`), so that an IPv6 service IP is one of its segment's bridge. */
function segmentOf(address: IpAddress, networks: readonly FabricNetwork[]): FabricNetwork | undefined {
  return address.family === 4 ? undefined : networks.find(({ subnets }) => subnets.some(({ prefix }) => prefix.contains(address)));
}

function serviceAddress(address: IpAddress, { vni }: FabricNetwork): AddressState {
  return { link: bridgeName(vni), address, length: bitsOf(address.family) };
}

/** Permanent, because the addresses are ours to know: no packet waits for ARP, and no answer to it can be forged. */
function neighboursOf({ vni, addresses, mac }: FabricEndpoint): NeighbourState[] {
  return addresses.map((address) => ({ link: bridgeName(vni), address, mac }));
}

/** An uplink has the families that the networks have: so a kernel without IPv6 is asked for it only by whoever wants it. */
function uplinkState({ host, router }: UplinkLink, families: ReadonlySet<Family>): FabricState {
  const link: UplinkPort = { kind: 'uplink', name: router.link, mac: router.mac, up: true, peer: { name: host.link, mac: host.mac, mtu: ethernetMtu } };
  const hostAddresses = endAddresses(host, families);
  return fabricState({
    links: [link],
    addresses: endAddresses(router, families).map((address) => ({ link: link.name, address, length: bitsOf(address.family) - 1 })),
    routes: hostAddresses.map((via) => ({ kind: 'default', prefix: everything(via.family), link: link.name, via })),
    neighbours: hostAddresses.map((address) => ({ link: link.name, address, mac: host.mac })),
  });
}

function everything(family: Family): Prefix {
  return Prefix.of(IpAddress.fromValue(family, 0n), 0);
}
