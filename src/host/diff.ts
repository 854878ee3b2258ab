import { forwarding, isAcceptanceOfAdvertisements } from './settings.js';
import type { HostLink, HostRouteState, HostState, HostStep } from './state.js';

/** The host's ends that are desired and not there: their routers' adapters make them. */
export function absentLinks(desired: HostState, observed: HostState): string[] {
  return [...desired.links.keys()].filter((name) => !observed.links.has(name));
}

/**
 * The steps that turn what was observed into what is desired, in an order that the kernel accepts. Empty
 * if nothing differs but links that are absent: what belongs to these is left out.
 *
 * Rules are there before anything is forwarded, and the last to go.
 */
export function diffHost(desired: HostState, observed: HostState): HostStep[] {
  const doomed = [...observed.links.keys()].filter((name) => !desired.links.has(name));
  const changed = [...desired.links.values()].filter((link) => isChanged(link, observed.links.get(link.name)));
  const kept = afterAddressLoss(afterChange(without(observed, new Set(doomed)), new Set(changed.map(({ name }) => name))), desired);
  const possible = without(desired, new Set(absentLinks(desired, observed)));
  return [
    ...(desired.rules !== undefined && desired.rules !== observed.rules ? [{ action: 'setRules' as const, text: desired.rules }] : []),
    ...settingSteps(possible, observed),
    ...[...desired.accepts].filter(([accept, present]) => (observed.accepts.get(accept) ?? present) !== present).map(([accept, present]): HostStep => ({ action: 'setAccept', accept, present })),
    ...missing(kept.neighbours, possible.neighbours).map((neighbour): HostStep => ({ action: 'deleteNeighbour', neighbour })),
    ...missing(kept.routes, possible.routes).map((route): HostStep => ({ action: 'deleteRoute', route })),
    ...missing(kept.addresses, possible.addresses).map((address): HostStep => ({ action: 'deleteAddress', address })),
    ...doomed.map((name): HostStep => ({ action: 'deleteLink', name })),
    ...changed.map((link): HostStep => ({ action: 'setLink', link })),
    ...missing(possible.addresses, kept.addresses).map((address): HostStep => ({ action: 'addAddress', address })),
    ...[...possible.neighbours].filter(([key, { mac }]) => !kept.neighbours.get(key)?.mac.equals(mac)).map(([, neighbour]): HostStep => ({ action: 'setNeighbour', neighbour })),
    ...[...possible.routes].filter(([key, route]) => !isSameRoute(route, kept.routes.get(key))).map(([, route]): HostStep => ({ action: 'setRoute', route })),
    ...(desired.rules === undefined && observed.rules !== undefined ? [{ action: 'deleteRules' as const }] : []),
  ];
}

/** Of settings that do not exist nothing is wanted: they are of a link that is absent, or of IPv6 in a kernel without it. */
function settingSteps(desired: HostState, { settings, accepts }: HostState): HostStep[] {
  const differing = [...desired.settings].filter(([path, value]) => settings.has(path) && settings.get(path) !== value);
  const begins = differing.some(([path]) => path === forwarding[6]);
  // A host that begins to forward IPv6 would lose the default route that it has from its router.
  const listening = begins ? [...settings].filter(([path, value]) => isAcceptanceOfAdvertisements(path) && value === '1' && !desired.settings.has(path)) : [];
  // A host that begins to forward would do so for everybody. Docker closes the chain only if forwarding begins with Docker, which starts after netctld.
  const closing = ([4, 6] as const).filter((family) => accepts.has(`${family} in`) && differing.some(([path]) => path === forwarding[family]));
  return [
    ...closing.map((family): HostStep => ({ action: 'closeForward', family })),
    ...[...listening.map(([path]) => [path, '2'] as const), ...differing].map(([path, value]): HostStep => ({ action: 'setSetting', path, value })),
  ];
}

/** Without these links and all that is on them. */
function without(state: HostState, names: ReadonlySet<string>): HostState {
  const stays = ([, { link }]: [string, { readonly link: string }]): boolean => !names.has(link);
  return {
    ...state,
    links: new Map([...state.links].filter(([name]) => !names.has(name))),
    addresses: new Map([...state.addresses].filter(stays)),
    neighbours: new Map([...state.neighbours].filter(stays)),
    routes: new Map([...state.routes].filter(stays)),
  };
}

/** Writing a link's MAC address, even the one it has, drops all its neighbours, the permanent ones too (Linux 6.18, `neigh_changeaddr`). */
function afterChange(state: HostState, names: ReadonlySet<string>): HostState {
  return { ...state, neighbours: new Map([...state.neighbours].filter(([, { link }]) => !names.has(link))) };
}

/** A link that loses its last IPv4 address loses its IPv4 routes and neighbours with it (Linux 6.18, `fib_disable_ip`). */
function afterAddressLoss(state: HostState, desired: HostState): HostState {
  const ipv4 = [...state.addresses].filter(([, { address }]) => address.family === 4);
  const lasting = new Set(ipv4.filter(([key]) => desired.addresses.has(key)).map(([, { link }]) => link));
  const losing = new Set(ipv4.map(([, { link }]) => link).filter((link) => !lasting.has(link)));
  return {
    ...state,
    routes: new Map([...state.routes].filter(([, { link, prefix }]) => prefix.family === 6 || !losing.has(link))),
    neighbours: new Map([...state.neighbours].filter(([, { link, address }]) => address.family === 6 || !losing.has(link))),
  };
}

function isChanged(desired: HostLink, observed: HostLink | undefined): boolean {
  return observed !== undefined && !(observed.mac.equals(desired.mac) && observed.up === desired.up);
}

function isSameRoute(desired: HostRouteState, observed: HostRouteState | undefined): boolean {
  if (desired.kind === 'loopback' || observed?.kind !== 'subnet') return desired.kind === observed?.kind;
  return observed.via.equals(desired.via) && observed.source?.toString() === desired.source?.toString();
}

/** The items of one map whose keys are not in the other. */
function missing<T>(items: ReadonlyMap<string, T>, others: ReadonlyMap<string, unknown>): T[] {
  return [...items].filter(([key]) => !others.has(key)).map(([, item]) => item);
}
