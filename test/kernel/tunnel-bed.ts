import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { KernelTunnels } from '../../daemon/kernel/wireguard.js';
import { isConnectedToAll } from '../../src/encryption/connection.js';
import { diffTunnels } from '../../src/encryption/diff.js';
import { deviceName } from '../../src/encryption/names.js';
import { planTunnels, type OwnTunnel, type TunnelInput } from '../../src/encryption/plan.js';
import type { TunnelState } from '../../src/encryption/state.js';
import { IpAddress } from '../../src/model/address.js';
import { inContainer } from '../support/containers.js';
import { hosts, underlayOf, type HostName } from './overlay-bed.js';

/** UDP: the ports of all devices are these. */
export const tunnelPorts = '51820-51829';

/** Tunnels between the hosts of an OverlayBed. The names of devices differ from host to host, because their programs are known by these to all of a machine. */
export class TunnelBed {
  /** Of the underlay between the hosts. */
  family: 4 | 6 = 4;
  private readonly parts = new Map<HostName, { readonly sockets: RtnetlinkSockets; readonly tunnels: KernelTunnels; own: OwnTunnel[] }>();

  async start(): Promise<void> {
    t.teardown(() => Promise.all([...this.parts.values()].map(({ sockets }) => sockets.close())));
    for (const host of hosts) {
      const namespace = `/run/netns/${host}`;
      const sockets = new RtnetlinkSockets(namespace);
      this.parts.set(host, { sockets, tunnels: new KernelTunnels(sockets, `/run/keys/${host}`, namespace), own: [] });
      await this.addKey(host, Number(host.slice(1)));
    }
  }

  /** Makes another key, to which nobody sends yet. */
  async addKey(host: HostName, index: number): Promise<void> {
    const parts = this.of(host);
    const { publicKey, address, since } = await parts.tunnels.makeKey(index);
    parts.own = [...parts.own, { publicKey, address, since, port: 51820 + index, device: deviceName(index) }];
  }

  /** The newest key becomes the one that all send to. */
  preferNewest(host: HostName): void {
    this.of(host).own.reverse();
  }

  /** Only the first key stays. */
  dropOthers(host: HostName): void {
    this.of(host).own.splice(1);
  }

  /** Where the others send to. */
  addressOf(host: HostName): IpAddress {
    return this.firstOf(host).address;
  }

  deviceOf(host: HostName): string {
    return this.firstOf(host).device;
  }

  /** Brings the host's tunnels to their plan. Returns what that took. */
  async reconcile(host: HostName): Promise<string[]> {
    const { tunnels } = this.of(host);
    const steps = diffTunnels(planTunnels(this.input(host)), await this.read(host), Date.now());
    await tunnels.apply(steps);
    return steps.map(({ action }) => action);
  }

  read(host: HostName): Promise<TunnelState> {
    return this.of(host).tunnels.read();
  }

  /** Whether each key of the host has a session with each of all others. */
  async isConnected(host: HostName): Promise<boolean> {
    const observed = await this.read(host);
    const keys = this.input(host).others.flatMap(({ tunnels = [] }) => tunnels.map(({ publicKey }) => publicKey));
    return this.of(host).own.every(({ device }) => isConnectedToAll(observed, device, keys, Date.now()));
  }

  private input(host: HostName): TunnelInput {
    const others = hosts.filter((other) => other !== host).map((other) => ({ underlay: IpAddress.parse(underlayOf(other, this.family)), tunnels: this.of(other).own }));
    return { own: this.of(host).own, others, mtu: this.family === 4 ? 1440 : 1420 };
  }

  private firstOf(host: HostName): OwnTunnel {
    const [first] = this.of(host).own;
    if (!first) throw new Error(`${host} has no key`);
    return first;
  }

  private of(host: HostName): { readonly tunnels: KernelTunnels; own: OwnTunnel[] } {
    const parts = this.parts.get(host);
    if (!parts) throw new Error(`there is no ${host}`);
    return parts;
  }
}

/** The process that carries the device, if the kernel does not do it. */
export function processOf(device: string): number | undefined {
  const isCarrier = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim() === `wireguard-go ${device}`;
    } catch {
      return false;
    }
  };
  const found = readdirSync('/proc').find((name) => /^\d+$/.test(name) && isCarrier(name));
  return found === undefined ? undefined : Number(found);
}

/** How many packets the chain of the host's table has dropped. */
export async function droppedBy(host: HostName, chain: string): Promise<number> {
  const text = await inContainer(host, 'nft', 'list', 'chain', 'inet', 'netctl_host', chain);
  return [...text.matchAll(/counter packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}
