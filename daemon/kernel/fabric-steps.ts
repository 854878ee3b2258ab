import { FlagsNew, type rt } from 'netlink';
import type { AddressState, BridgeLink, FabricStep, NeighbourState, PortLink, PortPeer, RouteState } from '../../src/fabric/state.js';
import { bridgeInfo, bridgePortInfo, vethInfo } from './linkinfo.js';
import { octetsOfAddress, octetsOfMac, socketFamily } from './netlink-octets.js';
import { loopback, routeMessage } from './route-shapes.js';
import type { Rtnetlink } from './rtnetlink.js';
import { KernelRefusal, tolerating } from './rtnetlink-errors.js';

type Action = FabricStep['action'];
type StepOf<A extends Action> = Extract<FabricStep, { action: A }>;
type Executors = { readonly [A in Action]: (where: Where, step: StepOf<A>) => Promise<void> };

/** Where steps are carried out: a router, and the host's own namespace for what is left over there. */
export interface Where {
  readonly router: Rtnetlink;
  readonly host: () => Rtnetlink;
  readonly indexes: LinkIndexes;
}

/** Carries out one step. Additions replace what is there; deletions of what is absent succeed. Rejections as Rtnetlink's. */
export async function carryOut(where: Where, step: FabricStep): Promise<void> {
  await (executors[step.action] as (where: Where, step: FabricStep) => Promise<void>)(where, step);
}

const executors: Executors = {
  createBridge: (where, { link }) => ensureBridge(where, link),
  setBridge: (where, { link }) => ensureBridge(where, link),
  createPort,
  setPort: (where, { link }) => attachPort(where, link),
  createUplink,
  setUplink: async ({ router }, { link }) => {
    await router.request((socket, options) => socket.setLink(upFlag(link.up), { ifname: link.name }, options));
  },
  deleteLink: ({ router, indexes }, { name }) => {
    indexes.forget(name);
    return deleteLink(router, name);
  },
  addAddress: (where, { address }) => addAddress(where, address),
  deleteAddress: (where, { address }) => deleteAddress(where, address),
  addRoute: (where, { route }) => addRoute(where, route),
  deleteRoute: (where, { route }) => deleteRoute(where, route),
  setNeighbour: (where, { neighbour }) => setNeighbour(where, neighbour),
  deleteNeighbour: (where, { neighbour }) => deleteNeighbour(where, neighbour),
};

const replace = { flags: FlagsNew.CREATE | FlagsNew.REPLACE };
const gone = ['ENODEV'];

/** The link indexes of a router, asked for once. */
export class LinkIndexes {
  readonly #known = new Map<string, number>([[loopback.name, loopback.index]]);

  constructor(private readonly router: Rtnetlink) {}

  /** @throws KernelRefusal ENODEV if there is no such link. */
  async of(name: string): Promise<number> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const [link] = await this.router.request((socket, options) => socket.getLink({}, { ifname: name }, options));
    if (link?.data.index === undefined) throw new KernelRefusal('ENODEV');
    this.#known.set(name, link.data.index);
    return link.data.index;
  }

  forget(name: string): void {
    this.#known.delete(name);
  }
}

/** Without the flag EXCL the kernel makes the link, or changes the one of that name. */
async function ensureBridge({ router }: Where, { name, mac, up }: BridgeLink): Promise<void> {
  const attrs = { ifname: name, address: octetsOfMac(mac), linkinfo: bridgeInfo() };
  await router.request((socket, options) => socket.newLink(upFlag(up), attrs, { ...options, flags: FlagsNew.CREATE }));
}

async function createPort(where: Where, { link, peer }: StepOf<'createPort'>): Promise<void> {
  // Asked before anything is made: without its bridge there is to be no port.
  if (link.bridge !== undefined) await where.indexes.of(link.bridge);
  await replaceVeth(where, { ifname: link.name }, peer);
  await attachPort(where, link);
}

async function createUplink(where: Where, { link, peer }: StepOf<'createUplink'>): Promise<void> {
  await replaceVeth(where, { ifname: link.name, address: octetsOfMac(link.mac) }, peer);
  for (const [end, name] of [[where.host(), peer.name], [where.router, link.name]] as const) {
    await end.request((socket, options) => socket.setLink(upFlag(true), { ifname: name }, options));
  }
}

/** What a crash or a slow removal of a router left in the way, at either end, is removed: each end takes the other with it. */
async function replaceVeth(where: Where, end: VethEnd, peer: PortPeer): Promise<void> {
  try {
    await createVeth(where, end, peer);
  } catch (error) {
    if (!(error instanceof KernelRefusal && error.errno === 'EEXIST')) throw error;
    await deleteLink(where.router, end.ifname);
    await deleteLink(where.host(), peer.name);
    await createVeth(where, end, peer);
  }
}

/** The router's end, as it is made. */
type VethEnd = { readonly ifname: string; readonly address?: Buffer };

/** The peer is made in the namespace of this process, which is the host's own. */
async function createVeth({ router }: Where, end: VethEnd, peer: PortPeer): Promise<void> {
  const attrs = { ...end, mtu: peer.mtu, linkinfo: vethInfo(peer, process.pid) };
  await router.request((socket, options) => socket.newLink({}, attrs, { ...options, flags: FlagsNew.CREATE | FlagsNew.EXCL }));
}

async function attachPort({ router, indexes }: Where, { name, bridge, hairpin, up }: PortLink): Promise<void> {
  const master = bridge === undefined ? 0 : await indexes.of(bridge);
  await router.request((socket, options) => socket.setLink(upFlag(up), { ifname: name, master }, options));
  if (bridge === undefined) return;
  await router.request((socket, options) => socket.newLink({}, { ifname: name, linkinfo: bridgePortInfo(hairpin) }, options));
}

function deleteLink(namespace: Rtnetlink, name: string): Promise<void> {
  return tolerating(gone, namespace.request((socket, options) => socket.delLink({}, { ifname: name }, options)));
}

async function addAddress({ router, indexes }: Where, address: AddressState): Promise<void> {
  const { data, attrs } = addressMessage(address, await indexes.of(address.link));
  await router.request((socket, options) => socket.newAddress(data, attrs, { ...options, ...replace }));
}

async function deleteAddress(where: Where, address: AddressState): Promise<void> {
  await onLink(where, address.link, ['EADDRNOTAVAIL', ...gone], (index) => {
    const { data, attrs } = addressMessage(address, index);
    return where.router.request((socket, options) => socket.delAddress(data, attrs, options));
  });
}

/** No duplicate address detection: a gateway's address is the same on every host, and it is needed at once (RFC 4862, section 5.4). */
function addressMessage({ address, length }: AddressState, index: number): { data: rt.Address; attrs: rt.AddressAttrs } {
  const octets = octetsOfAddress(address);
  const data = { family: socketFamily(address.family), prefixlen: length, index, flags: { nodad: true } as const };
  return { data, attrs: { local: octets, address: octets } };
}

async function addRoute({ router, indexes }: Where, route: RouteState): Promise<void> {
  const { data, attrs } = routeMessage(route, await indexes.of(route.link));
  await router.request((socket, options) => socket.newRoute(data, attrs, { ...options, ...replace }));
}

async function deleteRoute(where: Where, route: RouteState): Promise<void> {
  await onLink(where, route.link, ['ESRCH', ...gone], (index) => {
    const { data, attrs } = routeMessage(route, index);
    return where.router.request((socket, options) => socket.delRoute(data, attrs, options));
  });
}

async function setNeighbour({ router, indexes }: Where, { link, address, mac }: NeighbourState): Promise<void> {
  const data = { family: socketFamily(address.family), ifindex: await indexes.of(link), state: { permanent: true } } as const;
  const attrs = { dst: octetsOfAddress(address), lladdr: octetsOfMac(mac) };
  await router.request((socket, options) => socket.newNeighbor(data, attrs, { ...options, ...replace }));
}

async function deleteNeighbour(where: Where, { link, address }: NeighbourState): Promise<void> {
  await onLink(where, link, ['ENOENT', ...gone], (ifindex) => {
    const data = { family: socketFamily(address.family), ifindex };
    return where.router.request((socket, options) => socket.delNeighbor(data, { dst: octetsOfAddress(address) }, options));
  });
}

/** A deletion: what is not there, or whose link is not there, is deleted already. */
async function onLink({ indexes }: Where, link: string, absent: readonly string[], remove: (index: number) => Promise<unknown>): Promise<void> {
  await tolerating(absent, indexes.of(link).then(remove));
}

function upFlag(up: boolean): rt.Link {
  return { flags: up ? { up: true } : {}, change: { up: true } };
}
