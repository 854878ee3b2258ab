import { bitsOf, IpAddress, Prefix, type Family } from '../model/address.js';
import { fabricState } from './keys.js';
import { bridgeMac, bridgeName, containerLinkName, portName } from './names.js';
import { overlayState, wayOf } from './overlay.js';
import { planServices } from './services.js';
import type { AddressState, BridgeLink, FabricEndpoint, FabricInput, FabricNetwork, FabricOverlay, FabricState, NeighbourState, PortLink, RouteState, UplinkPort } from './state.js';
import { endAddresses, type UplinkLink } from './uplink.js';

/** Ethernet's own MTU, in bytes (RFC 894): of uplinks, and of segments that end at this host. */
export const ethernetMtu = 1500;

/**
 * What a tenant's router must hold for these networks, endpoints and service addresses. An endpoint
 * of a network that is not among them has no segment to be attached to and is left out.
 */
export function planFabric(input: FabricInput): FabricState {
  return merged(planSegments(input), planServices(input));
}

/** The same without what it holds for service addresses. */
export function planSegments(input: Omit<FabricInput, 'serviceAddresses'>): FabricState {
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
  const others = overlay ? [overlayState(overlay, { networks, endpoints })] : [];
  const led = uplink ? [uplinkState(uplink, families)] : [];
  return [...others, own, ...led].reduce(merged);
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
export function merged(a: FabricState, b: FabricState): FabricState {
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
