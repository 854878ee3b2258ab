import type { FabricOverlay, FabricWay } from '../../src/fabric/state.js';
import { encryptedSegmentMtu, segmentMtu } from '../../src/fabric/segment-mtu.js';
import type { UnderlayAddress } from '../../src/host/underlay.js';
import { IpAddress } from '../../src/model/address.js';
import { conflict, messageOf } from '../../src/model/errors.js';
import type { Host, HostTunnel } from '../../src/model/host.js';
import { keys } from '../../src/model/keys.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Pinger, Tunnels, Underlay } from '../kernel/port.js';
import type { Announcement, SharedStore, Store } from '../store/port.js';
import type { Logger } from './logger.js';
import type { State } from './state.js';
import { combine, transact, when, write } from './transact.js';

/** What makes this host one of several. */
export interface SharedHost {
  /** The store's. */
  readonly announce: SharedStore['announce'];
  /** Made up when netctld first started on this machine. */
  readonly id: string;
  /** How long this host counts as being there when nothing is heard of it. */
  readonly leaseSeconds: number;
  /** UDP, of VXLAN. */
  readonly vxlanPort: number;
  readonly underlay: Underlay;
  readonly pinger: Pinger;
  readonly tunnels: Tunnels;
  /** UDP, of tunnels: this port and the next. */
  readonly tunnelPort: number;
  /** Between two measurements of the way to another host, in milliseconds. */
  readonly probeMs: number;
}

/** How segments go on at the other hosts, and where each host, by its name, is reached. */
export interface OverlayOfHosts extends Omit<FabricOverlay, 'remotes'> {
  readonly encrypted: FabricWay;
  readonly underlays: ReadonlyMap<string, IpAddress>;
  /** By tunnels. Those that have none are not among them. */
  readonly tunnels: ReadonlyMap<string, IpAddress>;
}

const anyAddress = IpAddress.parse('::');

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly host: string;
  /** Of netctld. */
  readonly version: string;
  /** Absent: there are no other hosts. */
  readonly shared?: SharedHost;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  readonly came: (host: string) => void;
  readonly went: (host: string) => void;
  /** Somebody removed the host, perhaps this one. */
  readonly removed: (host: string) => void;
}

/** The hosts that share the store: this one's own entry among them, and who of the others is there. */
export class Hosts {
  private announcement: Announcement | undefined;
  private announcing: Promise<void> | undefined;
  /** Who was there when it was last looked; undefined: it was not. */
  private present: ReadonlySet<string> | undefined;
  /** Since when nothing was heard of a host, milliseconds since the epoch; of those that were away at the start nobody knows. */
  private readonly goneSince = new Map<string, number>();
  /** When a host was seen to come, milliseconds since the epoch; those that were there at the start say so themselves. */
  private readonly hereSince = new Map<string, number>();
  /** Those that the store knew when it was last looked. */
  private known: ReadonlySet<string> = new Set();
  /** This host's ends of tunnels; undefined: they are what the others know. */
  private tunnels: readonly HostTunnel[] | undefined;
  /** Why the others do not learn where this one is. */
  private refusal: string | undefined;

  constructor(private readonly parts: Parts) {}

  /** Whether the store is one that hosts share, whatever their number now is. */
  get areShared(): boolean {
    return this.parts.shared !== undefined;
  }

  /**
   * Writes down that this host is one of them, and where it is reached. Until it is announced, the others do not count on it.
   * @throws NetctlError `conflict` if another machine has its name or its address; `invalid` if it has no address that is clearly meant.
   */
  async register(): Promise<void> {
    const { shared, state } = this.parts;
    if (!shared) return;
    const address = await shared.underlay.find();
    this.refuseTaken(address);
    await this.record(address);
    this.look();
    state.onAnyChange(() => this.look());
    const presence = state.presences.get(keys.presence(this.parts.host))?.value;
    // It started again before anybody missed it: what it told of its containers stays true until it tells anew.
    if (presence?.id === shared.id) await this.announce();
  }

  /** This host is there, from now on: what it has told of its containers is true. */
  announce(): Promise<void> {
    this.announcing ??= this.beginAnnouncement().finally(() => (this.announcing = undefined));
    return this.announcing;
  }

  /** The address, or how large packets may be, can have changed; and somebody can have removed this host while nothing was heard of it. */
  async verify(): Promise<void> {
    const { shared, log } = this.parts;
    if (!shared) return;
    try {
      await this.record(await shared.underlay.find());
      this.refusal = undefined;
    } catch (error) {
      this.refusal = messageOf(error);
      log.warn({ event: 'host-not-renewed', reason: messageOf(error) }, 'what the other hosts know of this one stays as it was');
    }
  }

  /** Tells the others by which keys this host is reached. */
  async publishTunnels(tunnels: readonly HostTunnel[]): Promise<void> {
    const { shared, state, host } = this.parts;
    this.tunnels = tunnels;
    const told = state.hosts.get(keys.host(host))?.value.tunnels ?? [];
    if (shared && JSON.stringify(told) !== JSON.stringify(tunnels)) await this.record(await shared.underlay.find());
  }

  close(): void {
    this.announcement?.close();
  }

  isPresent(host: string): boolean {
    const { state, host: own, shared } = this.parts;
    return host === own || shared === undefined || state.presences.get(keys.presence(host)) !== undefined;
  }

  /** Whether nothing that any of them has can be unknown. */
  get areAllPresent(): boolean {
    return this.parts.state.hosts.values().every(({ name }) => this.isPresent(name));
  }

  /** Why nothing can be said of what is on the host, as `its host h2 is away`; undefined: it is there. */
  whyAway(host: string): string | undefined {
    if (this.isPresent(host)) return undefined;
    const since = this.goneSince.get(host);
    return `its host ${host} is away${since === undefined ? '' : ` since ${new Date(since).toISOString().slice(0, 19)}Z`}`;
  }

  /** Why what the others know of this host is not true any more, or they do not know it at all. */
  get error(): string | undefined {
    return this.refusal;
  }

  /** Since when the host is there, or is away, milliseconds since the epoch; undefined: nobody knows. */
  since(host: string): number | undefined {
    if (!this.isPresent(host)) return this.goneSince.get(host);
    return this.hereSince.get(host) ?? this.parts.state.presences.get(keys.presence(host))?.value.since;
  }

  /** How segments go on at the other hosts; undefined: there are none. */
  overlay(): OverlayOfHosts | undefined {
    const { shared, state, host } = this.parts;
    const local = state.hosts.get(keys.host(host))?.value.underlay;
    if (!shared || !local) return undefined;
    const hosts = state.hosts.values();
    return {
      ...{ local, port: shared.vxlanPort, mtu: segmentMtu(hosts), underlays: new Map(hosts.map(({ name, underlay }) => [name, underlay])) },
      // The source is for the route to say: it changes with the key.
      encrypted: { local: anyAddress, port: shared.vxlanPort + 1, mtu: encryptedSegmentMtu(hosts) },
      tunnels: new Map(hosts.flatMap(({ name, tunnels: [first] = [] }) => (first ? [[name, first.address]] : []))),
    };
  }

  /** Level, not edge: whoever came or went while the store was away is found, too. */
  private look(): void {
    const { state, came, went, now, host } = this.parts;
    const before = this.present;
    const names = state.hosts.values().map(({ name }) => name);
    const present = new Set(names.filter((name) => state.presences.get(keys.presence(name)) !== undefined));
    this.present = present;
    for (const name of present) {
      this.goneSince.delete(name);
      if (!before || before.has(name)) continue;
      this.hereSince.set(name, now());
      came(name);
    }
    for (const name of before ?? []) {
      if (present.has(name) || !names.includes(name)) continue;
      this.goneSince.set(name, now());
      this.hereSince.delete(name);
      went(name);
    }
    this.tellRemoved(new Set(names));
    if (!names.includes(host)) void this.verify();
  }

  private tellRemoved(names: ReadonlySet<string>): void {
    const before = this.known;
    this.known = names;
    for (const name of before) {
      if (names.has(name)) continue;
      this.goneSince.delete(name);
      this.hereSince.delete(name);
      this.parts.removed(name);
    }
  }

  private async beginAnnouncement(): Promise<void> {
    const { shared, host, now } = this.parts;
    if (!shared || this.announcement) return;
    const presence = encodeStored({ host, id: shared.id, since: now() });
    this.announcement = await shared.announce(keys.presence(host), presence, shared.leaseSeconds);
  }

  private async record({ address: underlay, mtu: underlayMtu }: UnderlayAddress): Promise<void> {
    const { store, shared, state, host: name, version, now, log } = this.parts;
    if (!shared) return;
    const { id } = shared;
    const key = keys.host(name);
    const written = await transact(store, () => {
      const held = state.hosts.get(key);
      if (held && held.value.id !== id) {
        throw conflict(`another machine is called ${name} (at ${held.value.underlay.toString()}): choose another --host-name, or remove that one with "netctl host rm ${name}"`);
      }
      const tunnels = this.tunnels ?? held?.value.tunnels ?? [];
      const record: Host = { name, id, underlay, underlayMtu, ...(tunnels.length > 0 ? { tunnels } : {}), version, since: held?.value.since ?? now() };
      if (held && isSame(held.value, record)) return undefined;
      return combine(when(held ? { key, is: 'at', revision: held.revision } : { key, is: 'absent' }), write({ key, put: encodeStored(record) }));
    });
    if (written) log.info({ event: 'host-registered', host: name, underlay, underlayMtu }, 'the other hosts know where to reach this one');
  }

  /** Packets for one of two hosts of one address would end at the other. */
  private refuseTaken({ address }: UnderlayAddress): void {
    const { state, host } = this.parts;
    for (const other of state.hosts.values()) {
      if (other.name === host) continue;
      if (other.underlay.equals(address)) {
        throw conflict(`host ${other.name} has the underlay address ${address.toString()}, too: give this one another (--underlay-address), or, if ${other.name} is no more, remove it with "netctl host rm ${other.name}"`);
      }
      if (other.underlay.family !== address.family) {
        throw conflict(`host ${other.name} is reached by IPv${other.underlay.family}, and this host's underlay address is ${address.toString()}: give it one of IPv${other.underlay.family} (--underlay-address)`);
      }
    }
  }
}

function isSame(a: Host, b: Host): boolean {
  return JSON.stringify(encodeStored(a)) === JSON.stringify(encodeStored(b));
}
