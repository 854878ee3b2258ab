import type { rt } from 'netlink';
import { deviceNameBeginning, isDeviceName } from '../../src/encryption/names.js';
import { tunnelState, type TunnelDevice, type TunnelRoute, type TunnelState, type TunnelStep } from '../../src/encryption/state.js';
import type { AddressState } from '../../src/fabric/state.js';
import { bitsOf } from '../../src/model/address.js';
import { addressOf, prefixOf } from './fabric-read.js';
import { deleteLink, gone, onLink, placeOf, replace } from './link-items.js';
import { addressOfOctets, socketFamily } from './netlink-octets.js';
import type { TunnelKey, Tunnels } from './port.js';
import { routeProtocol, tunnelRouteMessage } from './route-shapes.js';
import { kernelError } from './rtnetlink-errors.js';
import type { RtnetlinkSockets } from './rtnetlink-sockets.js';
import { createDevice, setDevice, type DeviceSite } from './wireguard-device.js';
import { addressOfKey, WireguardKeys } from './wireguard-keys.js';
import { Programs } from './wireguard-programs.js';
import { parseDump, wordsForPeers, wordsForRemoval } from './wireguard-text.js';

type Action = TunnelStep['action'];
type StepOf<A extends Action> = Extract<TunnelStep, { action: A }>;
type Executors = { readonly [A in Action]: (step: StepOf<A>) => Promise<void> };
type Names = ReadonlyMap<number, string>;

/** Tunnels by WireGuard, in the host's own namespace: links and routes over rtnetlink, keys and peers by `wg`. */
export class KernelTunnels implements Tunnels {
  private readonly ownKeys: WireguardKeys;
  private readonly programs: Programs;

  /**
   * @param directory of the keys.
   * @param namespace the file of the host's own namespace; absent: the one of this process.
   */
  constructor(
    private readonly sockets: RtnetlinkSockets,
    directory: string,
    private readonly namespace?: string,
  ) {
    this.ownKeys = new WireguardKeys(directory);
    this.programs = new Programs(namespace);
  }

  keys(): Promise<TunnelKey[]> {
    return this.ownKeys.list();
  }

  makeKey(index: number): Promise<TunnelKey> {
    return this.ownKeys.make(index);
  }

  deleteKey(index: number): Promise<void> {
    return this.ownKeys.delete(index);
  }

  async read(): Promise<TunnelState> {
    try {
      const host = this.sockets.ofHost();
      const links = (await host.dump('links')).filter(({ attrs }) => isDeviceName(attrs.ifname ?? ''));
      const names = new Map(links.map(({ data, attrs }) => [data.index ?? 0, attrs.ifname ?? '']));
      if (names.size === 0) return tunnelState([], []);
      const addresses = (await host.dump('addresses', socketFamily(6))).flatMap((message) => addressOf(message, names));
      const devices = await Promise.all(links.map((link) => this.deviceOf(link)));
      const routes = (await host.dump('routes', socketFamily(6))).flatMap((message) => routeOf(message, names));
      return tunnelState(devices.map((device) => withAddress(device, addresses)), routes);
    } catch (error) {
      throw kernelError('read the tunnels of the host', error);
    }
  }

  async apply(steps: readonly TunnelStep[]): Promise<void> {
    for (const step of steps) {
      try {
        await (this.executors[step.action] as (step: TunnelStep) => Promise<void>)(step);
      } catch (error) {
        throw kernelError(wordsOf(step), error);
      }
    }
  }

  private async deviceOf({ data, attrs }: rt.LinkMessage): Promise<TunnelDevice> {
    const name = attrs.ifname ?? '';
    const { publicKey, port, peers } = parseDump((await this.programs.dump(name)) ?? '');
    return { name, publicKey, port, mtu: attrs.mtu ?? 0, up: data.flags?.up === true, peers: new Map(peers.map((peer) => [peer.publicKey, peer])) };
  }

  private site(): DeviceSite {
    return { place: placeOf(this.sockets.ofHost()), programs: this.programs, ...(this.namespace === undefined ? {} : { namespace: this.namespace }) };
  }

  private readonly executors: Executors = {
    createDevice: ({ device }) => createDevice(this.site(), device, this.ownKeys.fileOf(Number(device.name.slice(deviceNameBeginning.length)))),
    setDevice: ({ device }) => setDevice(this.site(), device),
    deleteDevice: ({ name }) => deleteLink(this.site().place, name),
    setPeers: ({ device, peers }) => this.programs.wg('set', device, ...wordsForPeers(peers)),
    deletePeers: ({ device, publicKeys }) => this.programs.wg('set', device, ...wordsForRemoval(publicKeys)),
    setRoute: async ({ route }) => {
      const { rtnetlink, indexes } = this.site().place;
      const { data, attrs } = tunnelRouteMessage(route, await indexes.of(route.device));
      await rtnetlink.request((socket, options) => socket.newRoute(data, attrs, { ...options, ...replace }));
    },
    deleteRoute: ({ route }) => {
      const { place } = this.site();
      return onLink(place, route.device, ['ESRCH', ...gone], (index) => {
        const { data, attrs } = tunnelRouteMessage(route, index);
        return place.rtnetlink.request((socket, options) => socket.delRoute(data, attrs, options));
      });
    },
  };
}

/** What somebody else gave it besides is nobody's business here. */
function withAddress(device: TunnelDevice, addresses: readonly AddressState[]): TunnelDevice {
  const own = addressOfKey(Buffer.from(device.publicKey, 'base64'));
  const has = addresses.some(({ link, address, length }) => link === device.name && length === bitsOf(6) && address.equals(own));
  return has ? { ...device, address: own } : device;
}

function routeOf({ data, attrs }: rt.RouteMessage, names: Names): TunnelRoute[] {
  const device = names.get(attrs.oif ?? 0);
  const prefix = prefixOf(data, attrs);
  if (data.protocol !== routeProtocol || device === undefined || prefix.length !== bitsOf(6)) return [];
  return [{ to: prefix.address, device, ...(attrs.prefsrc ? { from: addressOfOctets(attrs.prefsrc) } : {}) }];
}

/** The step as a person reads it: `setPeers` is "set peers", and of what. */
function wordsOf(step: TunnelStep): string {
  const verb = step.action.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  if ('route' in step) return `${verb} to ${step.route.to.toString()}`;
  if (step.action === 'deleteDevice') return `${verb} ${step.name}`;
  return typeof step.device === 'string' ? `${verb} of ${step.device}` : `${verb} ${step.device.name}`;
}
