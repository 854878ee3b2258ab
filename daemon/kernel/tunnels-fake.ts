import { tunnelState, type TunnelDevice, type TunnelPeer, type TunnelState, type TunnelStep } from '../../src/encryption/state.js';
import { IpAddress } from '../../src/model/address.js';
import type { TunnelKey, Tunnels } from './port.js';

/** What is between the hosts: whose device has which key. */
export type Air = Map<string, FakeTunnels>;

/** Tunnels in memory. Two devices that know each other's keys have a session, unless somebody comes between them. */
export class FakeTunnels implements Tunnels {
  /** Why the host can have none; undefined: it can. */
  failure: Error | undefined;
  /** Whether packets get from here to the host that has the key. */
  hears: (publicKey: string) => boolean = () => true;
  private readonly held = new Map<number, TunnelKey>();
  private made = 0;
  private devices = new Map<string, TunnelDevice>();
  private routes: TunnelState['routes'] = new Map();

  constructor(
    private readonly air: Air,
    /** Of the host, 1 to 9. */
    private readonly number: number,
    /** Milliseconds since the epoch. */
    private readonly now: () => number,
  ) {}

  keys(): Promise<TunnelKey[]> {
    return Promise.resolve([...this.held.values()].sort((a, b) => a.index - b.index));
  }

  makeKey(index: number): Promise<TunnelKey> {
    this.made += 1;
    const key = { index, publicKey: `key${this.made}ofh${this.number}`, address: IpAddress.parse(`fd00::${this.number}:${this.made}`), since: this.now() + this.made };
    this.held.set(index, key);
    return Promise.resolve(key);
  }

  deleteKey(index: number): Promise<void> {
    this.held.delete(index);
    return Promise.resolve();
  }

  read(): Promise<TunnelState> {
    return Promise.resolve(tunnelState([...this.devices.values()].map((device) => this.heard(device)), this.routes.values()));
  }

  apply(steps: readonly TunnelStep[]): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    for (const step of steps) this.carryOut(step);
    return Promise.resolve();
  }

  /** Whether one of its devices has this key, and knows that one. */
  knows(own: string, publicKey: string): boolean {
    return [...this.devices.values()].some((device) => device.publicKey === own && device.peers.has(publicKey));
  }

  private heard(device: TunnelDevice): TunnelDevice {
    const isHeard = (key: string): boolean => this.hears(key) && (this.air.get(key)?.knows(key, device.publicKey) ?? false);
    return { ...device, peers: new Map([...device.peers].map(([key, peer]) => [key, isHeard(key) ? { ...peer, handshake: this.now() } : peer])) };
  }

  private carryOut(step: TunnelStep): void {
    if (step.action === 'setRoute') this.routes = new Map([...this.routes, [step.route.to.toString(), step.route]]);
    else if (step.action === 'deleteRoute') this.routes = new Map([...this.routes].filter(([to]) => to !== step.route.to.toString()));
    else if (step.action === 'setPeers') this.setPeers(step.device, (peers) => step.peers.forEach((peer) => peers.set(peer.publicKey, peer)));
    else if (step.action === 'deletePeers') this.setPeers(step.device, (peers) => step.publicKeys.forEach((key) => peers.delete(key)));
    else if (step.action === 'deleteDevice') this.drop(step.name);
    else this.setDevice(step.device, step.action === 'createDevice' ? new Map() : (this.devices.get(step.device.name)?.peers ?? new Map()));
  }

  private setDevice(device: TunnelDevice, peers: TunnelDevice['peers']): void {
    this.drop(device.name);
    this.devices.set(device.name, { ...device, peers });
    this.air.set(device.publicKey, this);
  }

  private setPeers(name: string, change: (peers: Map<string, TunnelPeer>) => void): void {
    const device = this.devices.get(name);
    if (!device) throw new Error(`there is no ${name}`);
    const peers = new Map(device.peers);
    change(peers);
    this.devices.set(name, { ...device, peers });
  }

  /** With the routes that lead there. */
  private drop(name: string): void {
    this.devices.delete(name);
    this.routes = new Map([...this.routes].filter(([, { device }]) => device !== name));
  }
}
