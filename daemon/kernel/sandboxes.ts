import { closeSync, openSync, writeFileSync } from 'node:fs';
import { FlagsNew, type rt } from 'netlink';
import type { Family, IpAddress, Mac } from '../../src/model/address.js';
import { unavailable } from '../../src/model/errors.js';
import { parseLinkInfo } from './linkinfo.js';
import { addAddress, deleteLink, placeOf, type Place } from './link-items.js';
import { addressOfOctets, octetsOfAddress, octetsOfMac, socketFamily } from './netlink-octets.js';
import { inNamespace, isNamespace } from './netns.js';
import type { Sandboxes, SandboxEnd, SandboxLink } from './port.js';
import { mainTable } from './route-shapes.js';
import { Rtnetlink } from './rtnetlink.js';
import { kernelError, KernelRefusal } from './rtnetlink-errors.js';
import type { RtnetlinkSockets } from './rtnetlink-sockets.js';

const families: readonly Family[] = [4, 6];

/** Containers' network namespaces, over rtnetlink. */
export class KernelSandboxes implements Sandboxes {
  constructor(private readonly sockets: RtnetlinkSockets) {}

  find(sandboxKey: string, mac: Mac): Promise<SandboxEnd | undefined> {
    return this.#inside(sandboxKey, 'look into', async (place) => {
      const link = await linkWith(place, mac);
      const name = link?.attrs.ifname;
      if (link?.data.index === undefined || name === undefined || !isContainerLinkName(name)) return undefined;
      return { name, gateways: await gatewaysOf(place, link.data.index), mtu: link.attrs.mtu ?? 0 };
    });
  }

  give(sandboxKey: string, peer: string, link: SandboxLink): Promise<SandboxEnd> {
    return this.#inside(sandboxKey, 'give its link back to', async (place) => {
      await this.#moveIn(sandboxKey, place, peer, link.mac);
      const gateways = await missingGateways(place, link.gateways);
      if (link.addresses.some(({ address }) => address.family === 6)) allowIpv6(sandboxKey, peer);
      for (const { address, length } of link.addresses) await addAddress(place, { link: peer, address, length });
      const index = await place.indexes.of(peer);
      const name = await freeName(place, link.name);
      await place.rtnetlink.request((socket, options) => socket.setLink({ index }, { ifname: name }, options));
      await place.rtnetlink.request((socket, options) => socket.setLink({ index, flags: { up: true }, change: { up: true } }, {}, options));
      for (const via of gateways) await addDefaultRoute(place, index, via);
      return { name, gateways, mtu: (await linkWith(place, link.mac))?.attrs.mtu ?? 0 };
    });
  }

  setMtu(sandboxKey: string, mac: Mac, mtu: number): Promise<void> {
    return this.#inside(sandboxKey, 'set the MTU in', async (place) => {
      const index = (await linkWith(place, mac))?.data.index;
      if (index === undefined) throw new KernelRefusal('ENODEV');
      await place.rtnetlink.request((socket, options) => socket.setLink({ index }, { mtu }, options));
    });
  }

  /** What has the container's MAC address there is the end of a pair whose other end is lost, or not where it should be. */
  async #moveIn(sandboxKey: string, place: Place, peer: string, mac: Mac): Promise<void> {
    const left = await linkWith(place, mac);
    if (left?.attrs.ifname === peer) return;
    if (left?.attrs.ifname !== undefined) await deleteLink(place, left.attrs.ifname);
    const fd = openSync(sandboxKey, 'r');
    try {
      await this.sockets.ofHost().request((socket, options) => socket.setLink({}, { ifname: peer, netNsFd: fd }, options));
    } finally {
      closeSync(fd);
    }
  }

  /** Opens a socket there for the one work: a socket that stayed would keep the sandbox from ending with its container. */
  async #inside<T>(sandboxKey: string, verb: string, work: (place: Place) => Promise<T>): Promise<T> {
    if (!isNamespace(sandboxKey)) throw unavailable(`the container's network namespace ${sandboxKey} is gone`);
    const rtnetlink = Rtnetlink.open(sandboxKey);
    try {
      return await work(placeOf(rtnetlink));
    } catch (error) {
      throw kernelError(`${verb} the container with the network namespace ${sandboxKey}`, error);
    } finally {
      await rtnetlink.close();
    }
  }
}

/** As Docker names the links of a container: netctl asks for this prefix. */
function isContainerLinkName(name: string): boolean {
  return /^eth\d+$/.test(name);
}

async function linkWith({ rtnetlink }: Place, mac: Mac): Promise<rt.LinkMessage | undefined> {
  const octets = octetsOfMac(mac);
  const links = await rtnetlink.dump('links');
  return links.find(({ attrs }) => attrs.address?.equals(octets) && parseLinkInfo(attrs.linkinfo).kind === 'veth');
}

/** Docker's name while it is free; else, or if that is not known, the first that is. */
async function freeName({ rtnetlink }: Place, wanted: string | undefined): Promise<string> {
  const taken = new Set((await rtnetlink.dump('links')).map(({ attrs }) => attrs.ifname));
  if (wanted !== undefined && !taken.has(wanted)) return wanted;
  for (let number = 0; ; number++) if (!taken.has(`eth${number}`)) return `eth${number}`;
}

async function defaultRoutes({ rtnetlink }: Place, family: Family): Promise<rt.RouteMessage[]> {
  const routes = await rtnetlink.dump('routes', socketFamily(family));
  return routes.filter(({ data, attrs }) => data.type === 'UNICAST' && (data.dstLen ?? 0) === 0 && attrs.table === mainTable);
}

async function gatewaysOf(place: Place, index: number): Promise<IpAddress[]> {
  const routes = [...(await defaultRoutes(place, 4)), ...(await defaultRoutes(place, 6))];
  return routes.flatMap(({ attrs }) => (attrs.oif === index && attrs.gateway ? [addressOfOctets(attrs.gateway)] : []));
}

async function missingGateways(place: Place, wanted: readonly IpAddress[]): Promise<IpAddress[]> {
  const missing: Family[] = [];
  for (const family of families) if ((await defaultRoutes(place, family)).length === 0) missing.push(family);
  return wanted.filter(({ family }) => missing.includes(family));
}

async function addDefaultRoute({ rtnetlink }: Place, index: number, via: IpAddress): Promise<void> {
  const data = { family: socketFamily(via.family), dstLen: 0, table: mainTable, type: 'UNICAST', scope: 0, protocol: 'BOOT' } as const;
  await rtnetlink.request((socket, options) => socket.newRoute(data, { gateway: octetsOfAddress(via), oif: index }, { ...options, flags: FlagsNew.CREATE }));
}

/** Docker turns IPv6 off in a container, and on for each link that has an address of it. Without IPv6 in the kernel there is no such setting. */
function allowIpv6(sandboxKey: string, link: string): void {
  try {
    inNamespace(sandboxKey, () => writeFileSync(`/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, '0'));
  } catch (cause) {
    throw unavailable('the container has no IPv6', cause);
  }
}
