import { FlagsNew, rt } from 'netlink';
import type { BridgeLink, FabricStep, PortLink, PortPeer, RouteState, UplinkPort } from '../../src/fabric/state.js';
import { addAddress, deleteAddress, deleteLink, deleteNeighbour, gone, onLink, replace, setNeighbour, upFlag, type Place } from './link-items.js';
import { deleteFdb, setFdb } from './fdb.js';
import { bridgeInfo, bridgeNetfilterInfo, bridgePortInfo, vethInfo } from './linkinfo.js';
import { octetsOfMac } from './netlink-octets.js';
import { octetsOfRoute, routeMessage } from './route-shapes.js';
import { KernelRefusal } from './rtnetlink-errors.js';
import { createVxlan, setVxlan } from './vxlan.js';

type Action = FabricStep['action'];
type StepOf<A extends Action> = Extract<FabricStep, { action: A }>;
type Executors = { readonly [A in Action]: (where: Where, step: StepOf<A>) => Promise<void> };

/** Where steps are carried out: a router, and the host's own namespace for the other ends of its links. */
export interface Where extends Place {
  readonly host: () => Place;
  /** The file that holds the router. */
  readonly namespace: string;
}

/** Carries out one step. Additions replace what is there; deletions of what is absent succeed. Rejections as Rtnetlink's. */
export async function carryOut(where: Where, step: FabricStep): Promise<void> {
  await (executors[step.action] as (where: Where, step: FabricStep) => Promise<void>)(where, step);
}

const executors: Executors = {
  createBridge: (where, { link }) => ensureBridge(where, link),
  setBridge: (where, { link }) => ensureBridge(where, link),
  setNetfilter,
  createPort,
  setPort: (where, { link }) => attachPort(where, link),
  createVxlan: (where, { link }) => createVxlan(where, link),
  setVxlan: (where, { link }) => setVxlan(where, link),
  setMtu,
  createUplink,
  setUplink,
  deleteLink: (where, { name }) => deleteLink(where, name),
  addAddress: (where, { address }) => addAddress(where, address),
  deleteAddress: (where, { address }) => deleteAddress(where, address),
  addRoute: (where, { route }) => addRoute(where, route),
  deleteRoute: (where, { route }) => deleteRoute(where, route),
  setNeighbour: (where, { neighbour }) => setNeighbour(where, neighbour),
  deleteNeighbour: (where, { neighbour }) => deleteNeighbour(where, neighbour),
  setFdb: (where, { entry }) => setFdb(where, entry),
  deleteFdb: (where, { entry }) => deleteFdb(where, entry),
};

/**
 * Without the flag EXCL the kernel makes the link, or changes the one of that name. The MTU is told afterwards: a bridge that has it from
 * the beginning takes the least of its ports' later (Linux 6.18, `br_mtu_auto_adjust`).
 */
async function ensureBridge(where: Where, { name, mac, mtu, netfilter, up }: BridgeLink): Promise<void> {
  const attrs = { ifname: name, address: octetsOfMac(mac), linkinfo: bridgeInfo(netfilter) };
  await where.rtnetlink.request((socket, options) => socket.newLink(upFlag(up), attrs, { ...options, flags: FlagsNew.CREATE }));
  await setMtu(where, { name, mtu });
}

async function setNetfilter({ rtnetlink }: Where, { name, netfilter }: StepOf<'setNetfilter'>): Promise<void> {
  await rtnetlink.request((socket, options) => socket.newLink({}, { ifname: name, linkinfo: bridgeNetfilterInfo(netfilter) }, options));
}

async function createPort(where: Where, { link, peer }: StepOf<'createPort'>): Promise<void> {
  // Asked before anything is made: without its bridge there is to be no port.
  if (link.bridge !== undefined) await where.indexes.of(link.bridge);
  await replaceVeth(where, { ifname: link.name }, peer);
  await attachPort(where, link);
}

async function createUplink(where: Where, { link, peer }: StepOf<'createUplink'>): Promise<void> {
  await replaceVeth(where, { ifname: link.name, address: octetsOfMac(link.mac) }, peer);
  await setUplink(where, { link });
}

async function setMtu({ rtnetlink }: Where, { name, mtu }: Pick<StepOf<'setMtu'>, 'name' | 'mtu'>): Promise<void> {
  await rtnetlink.request((socket, options) => socket.setLink({}, { ifname: name, mtu }, options));
}

async function setUplink({ rtnetlink }: Where, { link }: { readonly link: UplinkPort }): Promise<void> {
  await rtnetlink.request((socket, options) => socket.setLink(upFlag(link.up), { ifname: link.name }, options));
}

/** What a crash or a slow removal of a router left in the way, at either end, is removed: each end takes the other with it. */
async function replaceVeth(where: Where, end: VethEnd, peer: PortPeer): Promise<void> {
  try {
    await createVeth(where, end, peer);
  } catch (error) {
    if (!(error instanceof KernelRefusal && error.errno === 'EEXIST')) throw error;
    await deleteLink(where, end.ifname);
    await deleteLink(where.host(), peer.name);
    await createVeth(where, end, peer);
  }
}

/** The router's end, as it is made. */
type VethEnd = { readonly ifname: string; readonly address?: Buffer };

/** The peer is made in the namespace of this process, which is the host's own. */
async function createVeth({ rtnetlink }: Where, end: VethEnd, peer: PortPeer): Promise<void> {
  const attrs = { ...end, mtu: peer.mtu, linkinfo: vethInfo(peer, process.pid) };
  await rtnetlink.request((socket, options) => socket.newLink({}, attrs, { ...options, flags: FlagsNew.CREATE | FlagsNew.EXCL }));
}

async function attachPort({ rtnetlink, indexes }: Where, { name, bridge, hairpin, up }: PortLink): Promise<void> {
  const master = bridge === undefined ? 0 : await indexes.of(bridge);
  await rtnetlink.request((socket, options) => socket.setLink(upFlag(up), { ifname: name, master }, options));
  if (bridge === undefined) return;
  await rtnetlink.request((socket, options) => socket.newLink({}, { ifname: name, linkinfo: bridgePortInfo(hairpin) }, options));
}

async function addRoute(where: Where, route: RouteState): Promise<void> {
  for (const refusal of (await addRoutes(where, [route])).values()) throw refusal;
}

/** The services of a tenant have thousands. @returns why which of them could not be added; all others are. */
export async function addRoutes({ rtnetlink, indexes }: Where, routes: readonly RouteState[]): Promise<Map<RouteState, KernelRefusal>> {
  const payloads: Buffer[] = [];
  for (const route of routes) payloads.push(octetsOfRoute(route, await indexes.of(route.link)));
  const refusals = await rtnetlink.requestAll(rt.MessageType.NEWROUTE, payloads, replace.flags);
  return new Map(routes.flatMap((route, index) => entriesOf(route, refusals.get(index))));
}

function entriesOf<K, V>(key: K, value: V | undefined): [K, V][] {
  return value === undefined ? [] : [[key, value]];
}

async function deleteRoute(where: Where, route: RouteState): Promise<void> {
  await onLink(where, route.link, ['ESRCH', ...gone], (index) => {
    const { data, attrs } = routeMessage(route, index);
    return where.rtnetlink.request((socket, options) => socket.delRoute(data, attrs, options));
  });
}
