import { addressKey, neighbourKey } from '../../src/fabric/keys.js';
import type { AddressState } from '../../src/fabric/state.js';
import { hostRouteKey } from '../../src/host/keys.js';
import type { HostLink, HostRouteState, HostState, HostStep } from '../../src/host/state.js';
import { Prefix, type IpAddress } from '../../src/model/address.js';
import { KernelRefusal } from './rtnetlink-errors.js';

type Action = HostStep['action'];
type Rules = { readonly [A in Action]: (state: HostState, step: Extract<HostStep, { action: A }>) => HostState };

/**
 * What the host holds after the step: the kernel's behaviour, as far as it matters here, without a
 * kernel. Deletions of what is absent change nothing.
 * @throws KernelRefusal where the kernel refuses.
 */
export function stepped(state: HostState, step: HostStep): HostState {
  return (rules[step.action] as (state: HostState, step: HostStep) => HostState)(state, step);
}

const rules: Rules = {
  setRules: (state, { text }) => ({ ...state, rules: text }),
  deleteRules: ({ rules: _, ...state }) => state,
  setAccept: (state, { accept, present }) => (state.accepts.has(accept) ? { ...state, accepts: withItem(state.accepts, accept, present) } : state),
  closeForward: (state) => state,
  setSetting(state, { path, value }) {
    if (!state.settings.has(path)) throw new KernelRefusal('ENOENT');
    return { ...state, settings: withItem(state.settings, path, value) };
  },
  setLink,
  deleteLink: (state, { name }) => withoutLink(state, name),
  addAddress(state, { address }) {
    requireLink(state, address.link);
    return { ...state, addresses: withItem(state.addresses, addressKey(address), address) };
  },
  deleteAddress,
  setNeighbour(state, { neighbour }) {
    requireLink(state, neighbour.link);
    return { ...state, neighbours: withItem(state.neighbours, neighbourKey(neighbour), neighbour) };
  },
  deleteNeighbour: (state, { neighbour }) => ({ ...state, neighbours: withoutItem(state.neighbours, neighbourKey(neighbour)) }),
  setRoute(state, { route }) {
    if (!requireLink(state, route.link).up) throw new KernelRefusal('ENETDOWN');
    if (route.kind === 'loopback') return { ...state, routes: withItem(state.routes, hostRouteKey(route), route) };
    const own = [...state.addresses.values()].filter(({ link }) => link === route.link);
    if (!own.some(({ address }) => route.source?.equals(address))) throw new KernelRefusal('EINVAL');
    if (!own.some((item) => isOnLink(route.via, item))) throw new KernelRefusal('ENETUNREACH');
    return { ...state, routes: withItem(state.routes, hostRouteKey(route), route) };
  },
  deleteRoute: (state, { route }) => ({ ...state, routes: withoutItem(state.routes, hostRouteKey(route)) }),
};

/** Drops the link's neighbours; one that is down has no routes and no IPv6 addresses. */
function setLink(state: HostState, { link }: { readonly link: HostLink }): HostState {
  requireLink(state, link.name);
  const elsewhere = ([, item]: [string, { readonly link: string }]): boolean => item.link !== link.name;
  return {
    ...state,
    links: withItem(state.links, link.name, link),
    neighbours: new Map([...state.neighbours].filter(elsewhere)),
    routes: link.up ? state.routes : new Map([...state.routes].filter(elsewhere)),
    addresses: link.up ? state.addresses : new Map([...state.addresses].filter((entry) => elsewhere(entry) || entry[1].address.family === 4)),
  };
}

/** An IPv4 route goes with its source, an IPv6 route forgets it; a link without an IPv4 address has no IPv4 routes and neighbours. */
function deleteAddress(state: HostState, { address }: { readonly address: AddressState }): HostState {
  const addresses = withoutItem(state.addresses, addressKey(address));
  if (addresses.size === state.addresses.size) return state;
  const isLast = address.address.family === 4 && ![...addresses.values()].some((item) => item.link === address.link && item.address.family === 4);
  const isLost = (item: { readonly link: string }, { family }: { readonly family: number }): boolean => isLast && family === 4 && item.link === address.link;
  return {
    ...state,
    addresses,
    routes: new Map([...state.routes].flatMap(([key, route]) => (isLost(route, route.prefix) ? [] : withoutSource(route, address.address).map((left) => [key, left] as const)))),
    neighbours: new Map([...state.neighbours].filter(([, neighbour]) => !isLost(neighbour, neighbour.address))),
  };
}

function withoutSource(route: HostRouteState, lost: IpAddress): HostRouteState[] {
  if (route.kind !== 'subnet' || !route.source?.equals(lost)) return [route];
  const { source: _, ...rest } = route;
  return lost.family === 4 ? [] : [rest];
}

function withoutLink(state: HostState, name: string): HostState {
  const elsewhere = ([, { link }]: [string, { readonly link: string }]): boolean => link !== name;
  return {
    ...state,
    links: withoutItem(state.links, name),
    addresses: new Map([...state.addresses].filter(elsewhere)),
    neighbours: new Map([...state.neighbours].filter(elsewhere)),
    routes: new Map([...state.routes].filter(elsewhere)),
    settings: new Map([...state.settings].filter(([path]) => !path.split('/').includes(name))),
  };
}

function requireLink(state: HostState, name: string): HostLink {
  const link = state.links.get(name);
  if (!link) throw new KernelRefusal('ENODEV');
  return link;
}

function isOnLink(address: IpAddress, own: AddressState): boolean {
  return Prefix.of(own.address, own.length).contains(address);
}

function withItem<K, T>(items: ReadonlyMap<K, T>, key: K, item: T): Map<K, T> {
  return new Map(items).set(key, item);
}

function withoutItem<K, T>(items: ReadonlyMap<K, T>, key: K): Map<K, T> {
  return new Map([...items].filter(([each]) => each !== key));
}
