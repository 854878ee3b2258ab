import { fabricState } from './keys.js';
import { netfilterSteps } from './netfilter.js';
import type { BridgeLink, FabricLink, FabricState, FabricStep, FdbState, PortLink, UplinkPort, VxlanLink } from './state.js';

/**
 * The steps that turn what was observed into what is desired, in an order that the kernel accepts:
 * what must go goes first, so that its names and addresses are free; then bridges and the uplink, their
 * addresses and routes, ports, neighbours, and at last the ways to other hosts: new ones before old ones go. Empty
 * if nothing differs.
 */
export function diffFabric(desired: FabricState, observed: FabricState): FabricStep[] {
  const doomed = [...observed.links.values()].filter((link) => !isKept(link, desired.links.get(link.name)));
  const left = afterDeletion(observed, new Set(doomed.map((link) => link.name)));
  const links = [...desired.links.values()];
  const bridges = links.filter((link) => link.kind === 'bridge');
  const uplinks = links.filter((link) => link.kind === 'uplink');
  const changed = bridges.filter((bridge) => isChanged(bridge, left.links.get(bridge.name)));
  const kept = afterAttachment(afterAddressLoss(afterChange(left, new Set(changed.map((bridge) => bridge.name))), desired), desired);
  return [
    ...deletions(desired, kept),
    ...doomed.toSorted(portsFirst).map((link): FabricStep => ({ action: 'deleteLink', name: link.name })),
    ...bridges.filter((bridge) => !left.links.has(bridge.name)).map((link): FabricStep => ({ action: 'createBridge', link })),
    ...changed.map((link): FabricStep => ({ action: 'setBridge', link })),
    ...netfilterSteps(bridges.filter((bridge) => !changed.includes(bridge)), left),
    ...links.flatMap((link) => mtuSteps(link, left.links.get(link.name))),
    ...uplinks.flatMap((uplink) => uplinkSteps(uplink, left.links.get(uplink.name))),
    ...added(desired.addresses, kept.addresses).map((address): FabricStep => ({ action: 'addAddress', address })),
    ...added(desired.routes, kept.routes).map((route): FabricStep => ({ action: 'addRoute', route })),
    ...links.filter((link) => link.kind === 'vxlan').flatMap((link) => vxlanSteps(link, left.links.get(link.name))),
    ...links.filter((link) => link.kind === 'port').flatMap((port) => portSteps(port, left.links.get(port.name))),
    ...neighbourSteps(desired, kept),
    ...fdbSteps(desired, kept),
    ...added(kept.fdb, desired.fdb).map((entry): FabricStep => ({ action: 'deleteFdb', entry })),
  ];
}

/** Deleting a link takes its addresses, routes, neighbours and fdb entries with it. */
function afterDeletion(state: FabricState, names: ReadonlySet<string>): FabricState {
  if (names.size === 0) return state;
  const stays = ({ link }: { readonly link: string }): boolean => !names.has(link);
  return fabricState({
    links: [...state.links.values()].filter((link) => !names.has(link.name)),
    addresses: [...state.addresses.values()].filter(stays),
    routes: [...state.routes.values()].filter(stays),
    neighbours: [...state.neighbours.values()].filter(stays),
    fdb: [...state.fdb.values()].filter(stays),
  });
}

/** Writing a link's MAC address, even the one it has, drops all its neighbours, the permanent ones too (Linux 6.18, `neigh_changeaddr`). */
function afterChange(state: FabricState, bridges: ReadonlySet<string>): FabricState {
  return { ...state, neighbours: new Map([...state.neighbours].filter(([, { link }]) => !bridges.has(link))) };
}

/** A link that comes to a bridge brings none of its entries there along. */
function afterAttachment(state: FabricState, desired: FabricState): FabricState {
  const bridgeOf = (link: FabricLink | undefined): string | undefined => (link?.kind === 'vxlan' ? link.bridge : undefined);
  const isMoving = ({ link }: FdbState): boolean => bridgeOf(state.links.get(link)) !== bridgeOf(desired.links.get(link));
  return { ...state, fdb: new Map([...state.fdb].map(([key, entry]) => [key, entry.kind === 'unicast' && isMoving(entry) ? { ...entry, bridged: false } : entry])) };
}

/** A link that loses its last IPv4 address loses its IPv4 routes and neighbours with it (Linux 6.18, `fib_disable_ip`). */
function afterAddressLoss(state: FabricState, desired: FabricState): FabricState {
  const ipv4 = [...state.addresses].filter(([, { address }]) => address.family === 4);
  const lasting = new Set(ipv4.filter(([key]) => desired.addresses.has(key)).map(([, { link }]) => link));
  const losing = new Set(ipv4.map(([, { link }]) => link).filter((link) => !lasting.has(link)));
  if (losing.size === 0) return state;
  return {
    ...state,
    routes: new Map([...state.routes].filter(([, { link, prefix }]) => prefix.family === 6 || !losing.has(link))),
    neighbours: new Map([...state.neighbours].filter(([, { link, address }]) => address.family === 6 || !losing.has(link))),
  };
}

/** An uplink of another number, or without its other end, is of no use. What makes a VXLAN link cannot be changed. */
function isKept(observed: FabricLink, desired: FabricLink | undefined): boolean {
  if (observed.kind === 'vxlan' && desired?.kind === 'vxlan') return observed.vni === desired.vni && observed.port === desired.port && observed.local.equals(desired.local);
  if (observed.kind !== 'uplink' || desired?.kind !== 'uplink') return observed.kind === desired?.kind;
  return observed.mac.equals(desired.mac) && observed.peer?.name === desired.peer?.name;
}

function isChanged(desired: BridgeLink, observed: FabricLink | undefined): boolean {
  return observed?.kind === 'bridge' && !(observed.mac.equals(desired.mac) && observed.up === desired.up);
}

/** Of what remains once links and addresses are gone: nothing is deleted that goes by itself. */
function deletions(desired: FabricState, kept: FabricState): FabricStep[] {
  return [
    ...added(kept.neighbours, desired.neighbours).map((neighbour): FabricStep => ({ action: 'deleteNeighbour', neighbour })),
    ...added(kept.routes, desired.routes).map((route): FabricStep => ({ action: 'deleteRoute', route })),
    ...added(kept.addresses, desired.addresses).map((address): FabricStep => ({ action: 'deleteAddress', address })),
  ];
}

/** A bridge that is deleted under its ports would only detach them. */
function portsFirst(a: FabricLink, b: FabricLink): number {
  return Number(a.kind === 'bridge') - Number(b.kind === 'bridge');
}

/** The peer is not compared: once made, it is Docker's. */
function portSteps(desired: PortLink, observed: FabricLink | undefined): FabricStep[] {
  if (observed?.kind !== 'port') return [createPort(desired)];
  const same = observed.bridge === desired.bridge && observed.hairpin === desired.hairpin && observed.up === desired.up;
  return same ? [] : [{ action: 'setPort', link: desired }];
}

function createPort(link: PortLink): FabricStep {
  if (!link.peer) throw new TypeError(`the port ${link.name} is desired without its peer`);
  return { action: 'createPort', link, peer: link.peer };
}

function vxlanSteps(desired: VxlanLink, observed: FabricLink | undefined): FabricStep[] {
  if (observed?.kind !== 'vxlan') return [{ action: 'createVxlan', link: desired }];
  const same = observed.bridge === desired.bridge && observed.suppressing === desired.suppressing && observed.up === desired.up;
  return same ? [] : [{ action: 'setVxlan', link: desired }];
}

/** A bridge that is changed anyway gets its MTU, and its netfilter, with that. */
function mtuSteps(desired: FabricLink, observed: FabricLink | undefined): FabricStep[] {
  if (!observed || desired.kind === 'uplink' || observed.kind === 'uplink' || observed.mtu === desired.mtu) return [];
  if (desired.kind === 'bridge' && isChanged(desired, observed)) return [];
  return [{ action: 'setMtu', name: desired.name, mtu: desired.mtu }];
}

function uplinkSteps(desired: UplinkPort, observed: FabricLink | undefined): FabricStep[] {
  if (observed?.kind === 'uplink') return observed.up === desired.up ? [] : [{ action: 'setUplink', link: desired }];
  if (!desired.peer) throw new TypeError(`the uplink ${desired.name} is desired without its peer`);
  return [{ action: 'createUplink', link: desired, peer: desired.peer }];
}

function neighbourSteps(desired: FabricState, kept: FabricState): FabricStep[] {
  return [...desired.neighbours]
    .filter(([key, neighbour]) => !kept.neighbours.get(key)?.mac.equals(neighbour.mac))
    .map(([, neighbour]) => ({ action: 'setNeighbour', neighbour }));
}

function fdbSteps(desired: FabricState, kept: FabricState): FabricStep[] {
  return [...desired.fdb].filter(([key, entry]) => !isSameEntry(entry, kept.fdb.get(key))).map(([, entry]) => ({ action: 'setFdb', entry }));
}

function isSameEntry(desired: FdbState, observed: FdbState | undefined): boolean {
  if (desired.kind === 'flood' || observed?.kind !== 'unicast') return observed?.kind === desired.kind;
  return desired.bridged === observed.bridged && desired.destination !== undefined && (observed.destination?.equals(desired.destination) ?? false);
}

/** The items of one map whose keys are not in the other. */
function added<T>(items: ReadonlyMap<string, T>, others: ReadonlyMap<string, unknown>): T[] {
  return [...items].filter(([key]) => !others.has(key)).map(([, item]) => item);
}
