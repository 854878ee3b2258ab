import { fabricState, fdbKey, routeKey } from '../../src/fabric/keys.js';
import type { AddressState, BridgeLink, FabricLink, FabricState, FabricStep, FdbState, PortLink, UplinkPort, VxlanLink } from '../../src/fabric/state.js';
import { Prefix, type IpAddress } from '../../src/model/address.js';
import { KernelRefusal } from './rtnetlink-errors.js';

type Action = FabricStep['action'];
type Items = { -readonly [K in keyof FabricState]: FabricState[K] extends ReadonlyMap<string, infer T> ? T[] : never };
type Rules = { readonly [A in Action]: (items: Items, step: Extract<FabricStep, { action: A }>) => Items };

/**
 * What a router holds after the step: the kernel's behaviour, as far as the fabric sees it, without a
 * kernel. Additions replace, deletions of what is absent change nothing.
 * @throws KernelRefusal where the kernel refuses.
 */
export function stepped(state: FabricState, step: FabricStep): FabricState {
  const items: Items = {
    links: [...state.links.values()],
    addresses: [...state.addresses.values()],
    routes: [...state.routes.values()],
    neighbours: [...state.neighbours.values()],
    fdb: [...state.fdb.values()],
  };
  return fabricState((rules[step.action] as (items: Items, step: FabricStep) => Items)(items, step));
}

const rules: Rules = {
  createBridge: ensureBridge,
  setBridge: ensureBridge,
  setNetfilter(items, { name, netfilter }) {
    const link = requireLink(items, name);
    if (link.kind !== 'bridge') throw new KernelRefusal('ENOTSUP');
    return withLink(items, { ...link, netfilter });
  },
  createPort: (items, { link }) => attachPort(withLink(withoutLink(items, link.name), observedPort(link)), link),
  setPort: (items, { link }) => attachPort(items, link),
  createVxlan: (items, { link }) => attachVxlan(withLink(withoutLink(items, link.name), link), link),
  setVxlan: (items, { link }) => attachVxlan(items, link),
  setMtu(items, { name, mtu }) {
    const link = requireLink(items, name);
    return link.kind === 'uplink' ? items : withLink(items, { ...link, mtu });
  },
  createUplink: (items, { link, peer }) => withLink(withoutLink(items, link.name), { ...link, peer: { ...peer } }),
  setUplink,
  deleteLink: (items, { name }) => withoutLink(items, name),
  addAddress(items, { address }) {
    requireLink(items, address.link);
    return { ...items, addresses: [...items.addresses, address] };
  },
  deleteAddress: (items, { address }) => withoutAddress(items, address),
  addRoute(items, { route }) {
    if (route.link !== 'lo' && !requireLink(items, route.link).up) throw new KernelRefusal('ENETDOWN');
    if (route.kind === 'default' && !items.addresses.some((item) => item.link === route.link && isOnLink(route.via, item))) throw new KernelRefusal('ENETUNREACH');
    return { ...items, routes: [...items.routes, route] };
  },
  deleteRoute: (items, { route }) => ({
    ...items,
    routes: items.routes.filter((item) => routeKey(item) !== routeKey(route)),
  }),
  setNeighbour(items, { neighbour }) {
    requireLink(items, neighbour.link);
    return { ...items, neighbours: [...items.neighbours, neighbour] };
  },
  deleteNeighbour: (items, { neighbour }) => ({
    ...items,
    neighbours: items.neighbours.filter(({ link, address }) => link !== neighbour.link || !address.equals(neighbour.address)),
  }),
  setFdb(items, { entry }) {
    const link = requireLink(items, entry.link);
    return { ...items, fdb: [...items.fdb, observedEntry(entry, link.kind === 'vxlan' && link.bridge !== undefined)] };
  },
  deleteFdb: (items, { entry }) => ({ ...items, fdb: items.fdb.filter((item) => fdbKey(item) !== fdbKey(entry)) }),
};

function observedEntry(entry: FdbState, bridged: boolean): FdbState {
  return entry.kind === 'flood' ? entry : { ...entry, bridged };
}

/** One that changes its bridge leaves its entries there. */
function attachVxlan(items: Items, link: VxlanLink): Items {
  const existing = requireLink(items, link.name);
  if (existing.kind !== 'vxlan') throw new KernelRefusal('ENOTSUP');
  if (link.bridge !== undefined && requireLink(items, link.bridge).kind !== 'bridge') throw new KernelRefusal('ENOTSUP');
  const attached = { ...withoutBridge(existing), up: link.up, ...(link.bridge === undefined ? {} : { bridge: link.bridge, suppressing: link.suppressing }) };
  return withLink(existing.bridge === link.bridge ? items : withoutBridged(items, link.name), attached);
}

function withoutBridge({ bridge: _, ...link }: VxlanLink): VxlanLink {
  return { ...link, suppressing: false };
}

/** What only the bridge knew is known no more. */
function withoutBridged(items: Items, name: string): Items {
  const known = items.fdb.filter((entry) => entry.link !== name || entry.kind === 'flood' || entry.destination !== undefined);
  return { ...items, fdb: known.map((entry) => (entry.link === name ? observedEntry(entry, false) : entry)) };
}

/** Makes the bridge or changes the one of that name, which drops its neighbours. */
function ensureBridge(items: Items, { link }: { readonly link: BridgeLink }): Items {
  const existing = items.links.find(({ name }) => name === link.name);
  if (existing && existing.kind !== 'bridge') throw new KernelRefusal('ENOTSUP');
  return withLink(withoutNeighbours(link.up ? items : lowered(items, link.name), link.name), link);
}

function setUplink(items: Items, { link }: { readonly link: UplinkPort }): Items {
  const existing = requireLink(items, link.name);
  if (existing.kind !== 'uplink') throw new KernelRefusal('ENOTSUP');
  return withLink(link.up ? items : withoutNeighbours(lowered(items, link.name), link.name), { ...existing, up: link.up });
}

/** A link that is down has no routes and no IPv6 addresses. */
function lowered(items: Items, name: string): Items {
  const elsewhere = ({ link }: { readonly link: string }): boolean => link !== name;
  return { ...items, routes: items.routes.filter(elsewhere), addresses: items.addresses.filter((item) => elsewhere(item) || item.address.family === 4) };
}

function withoutNeighbours(items: Items, name: string): Items {
  return { ...items, neighbours: items.neighbours.filter(({ link }) => link !== name) };
}

function isOnLink(address: IpAddress, own: AddressState): boolean {
  return Prefix.of(own.address, own.length).contains(address);
}

/** A link that loses its last IPv4 address loses its IPv4 routes and neighbours, too. */
function withoutAddress(items: Items, { link, address, length }: AddressState): Items {
  const addresses = items.addresses.filter((item) => item.link !== link || item.length !== length || !item.address.equals(address));
  const isLast = addresses.length < items.addresses.length && address.family === 4 && !addresses.some((item) => item.link === link && item.address.family === 4);
  if (!isLast) return { ...items, addresses };
  return {
    ...items,
    addresses,
    routes: items.routes.filter((route) => route.link !== link || route.prefix.family === 6),
    neighbours: items.neighbours.filter((neighbour) => neighbour.link !== link || neighbour.address.family === 6),
  };
}

/** Its MTU stays as it was made. */
function attachPort(items: Items, link: PortLink): Items {
  const existing = requireLink(items, link.name);
  if (link.bridge !== undefined && requireLink(items, link.bridge).kind !== 'bridge') throw new KernelRefusal('ENOTSUP');
  return withLink(items, observedPort(existing.kind === 'port' ? { ...link, mtu: existing.mtu } : link));
}

/** A port as it can be read: its peer is elsewhere. */
function observedPort({ kind, name, bridge, hairpin, mtu, up }: PortLink): PortLink {
  return bridge === undefined ? { kind, name, hairpin: false, mtu, up } : { kind, name, bridge, hairpin, mtu, up };
}

function withLink(items: Items, link: FabricLink): Items {
  return { ...items, links: [...items.links.filter(({ name }) => name !== link.name), link] };
}

/** A link takes all that is on it along; the ports of a bridge stay, attached to nothing. */
function withoutLink(items: Items, name: string): Items {
  const elsewhere = ({ link }: { readonly link: string }): boolean => link !== name;
  const detached = items.links.filter((link) => link.kind === 'vxlan' && link.bridge === name);
  return detached.reduce((left, link) => withoutBridged(left, link.name), {
    links: items.links.filter((link) => link.name !== name).map((link) => withoutMaster(link, name)),
    addresses: items.addresses.filter(elsewhere),
    routes: items.routes.filter(elsewhere),
    neighbours: items.neighbours.filter(elsewhere),
    fdb: items.fdb.filter(elsewhere),
  });
}

function withoutMaster(link: FabricLink, bridge: string): FabricLink {
  if (link.kind === 'vxlan' && link.bridge === bridge) return withoutBridge(link);
  if (link.kind !== 'port' || link.bridge !== bridge) return link;
  const { bridge: _, ...port } = link;
  return observedPort(port);
}

function requireLink(items: Items, name: string): FabricLink {
  const link = items.links.find((candidate) => candidate.name === name);
  if (!link) throw new KernelRefusal('ENODEV');
  return link;
}
