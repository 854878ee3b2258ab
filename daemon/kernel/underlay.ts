import type { rt } from 'netlink';
import { isUplinkName } from '../../src/fabric/uplink.js';
import { isDockerBridge } from '../../src/host/reach.js';
import { chooseUnderlay, type UnderlayAddress } from '../../src/host/underlay.js';
import type { IpAddress } from '../../src/model/address.js';
import { NetctlError } from '../../src/model/errors.js';
import { addressOf, prefixOf } from './fabric-read.js';
import { socketFamily } from './netlink-octets.js';
import type { Underlay } from './port.js';
import { loopback, mainTable } from './route-shapes.js';
import type { Rtnetlink } from './rtnetlink.js';
import { kernelError } from './rtnetlink-errors.js';
import type { RtnetlinkSockets } from './rtnetlink-sockets.js';

/** The underlay, as the links, addresses and routes of the host's own namespace tell. */
export class KernelUnderlay implements Underlay {
  /** @param wanted which address to take; absent: what the routes tell. */
  constructor(
    private readonly sockets: RtnetlinkSockets,
    private readonly wanted?: IpAddress,
  ) {}

  async find(): Promise<UnderlayAddress> {
    try {
      return await findIn(this.sockets.ofHost(), this.wanted);
    } catch (error) {
      throw error instanceof NetctlError ? error : kernelError('read the addresses of the host', error);
    }
  }
}

async function findIn(host: Rtnetlink, wanted: IpAddress | undefined): Promise<UnderlayAddress> {
  const links = (await host.dump('links')).filter(({ attrs: { ifname = '' } }) => ifname !== loopback.name && !isUplinkName(ifname) && !isDockerBridge(ifname));
  const names = new Map(links.map(({ data, attrs }) => [data.index ?? 0, attrs.ifname ?? '']));
  const mtus = new Map(links.map(({ attrs }) => [attrs.ifname ?? '', attrs.mtu ?? 0]));
  const messages = (await host.dump('addresses')).filter(isLasting);
  const addresses = messages.flatMap((message) => addressOf(message, names)).map(({ address, link }) => ({ address, link, mtu: mtus.get(link) ?? 0 }));
  return chooseUnderlay(addresses, await defaultLinks(host, names), wanted);
}

/** Not the addresses that IPv6 makes up anew every day (RFC 8981), nor those that it is about to give up. */
function isLasting({ data, attrs }: rt.AddressMessage): boolean {
  const flags = attrs.flags ?? data.flags;
  return !(data.family === socketFamily(6) && flags?.secondary === true) && flags?.deprecated !== true;
}

/** The links of the default routes of the main table, the one with the lowest metric first, IPv4 before IPv6. */
async function defaultLinks(host: Rtnetlink, names: ReadonlyMap<number, string>): Promise<string[]> {
  const found: { readonly link: string; readonly metric: number }[] = [];
  for (const family of [4, 6] as const) {
    const routes = (await host.dump('routes', socketFamily(family))).filter(({ data, attrs }) => data.type === 'UNICAST' && attrs.table === mainTable && prefixOf(data, attrs).length === 0);
    const links = routes.flatMap(({ attrs }) => {
      const link = names.get(attrs.oif ?? 0);
      return link === undefined ? [] : [{ link, metric: attrs.priority ?? 0 }];
    });
    found.push(...links.toSorted((a, b) => a.metric - b.metric));
  }
  return found.map(({ link }) => link);
}
