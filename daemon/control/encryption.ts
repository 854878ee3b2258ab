import { judgeEncryption } from '../../src/checkup/encryption.js';
import type { Finding } from '../../src/checkup/finding.js';
import { isConnectedToAll } from '../../src/encryption/connection.js';
import { diffTunnels } from '../../src/encryption/diff.js';
import { deviceName } from '../../src/encryption/names.js';
import { planTunnels, type OwnTunnel } from '../../src/encryption/plan.js';
import { newestOf, turnedOver } from '../../src/encryption/rotation.js';
import type { TunnelState } from '../../src/encryption/state.js';
import { tunnelMtu } from '../../src/fabric/segment-mtu.js';
import { conflict, messageOf } from '../../src/model/errors.js';
import type { Host, HostTunnel } from '../../src/model/host.js';
import { keys } from '../../src/model/keys.js';
import type { TunnelKey, Tunnels } from '../kernel/port.js';
import type { Hosts } from './hosts.js';
import type { Logger } from './logger.js';
import { Reconciler } from './reconciler.js';
import type { State } from './state.js';

interface Parts {
  readonly tunnels: Tunnels;
  /** UDP, of the first key; the other one has the next. */
  readonly port: number;
  readonly state: State;
  readonly hosts: Pick<Hosts, 'isPresent' | 'publishTunnels'>;
  /** The name of this host. */
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  /** The hosts to which packets of encrypted networks get are others than before. */
  readonly changed: () => void;
}

/** There is one thing to reconcile, under this key. */
const key = 'tunnels';

/** Sessions are there some milliseconds after both sides know of each other: so long after a change it is looked again. */
const sessionMs = 300;

/**
 * The tunnels between this host and the others, as long as any network is encrypted. Its keys are made here, and what
 * others need of them is published in the host's entry: first the device, then its entry, so that nobody sends to what is not there.
 */
export class Encryption {
  private readonly reconciler: Reconciler;
  /** What was wished for when it was last looked at, as text. */
  private wished: string | undefined;
  private failure: string | undefined;
  /** The other hosts with which this one has a session; undefined: nobody has looked yet, and what was so before the start still is. */
  private connected: ReadonlySet<string> | undefined;
  /** The key that is sent with, and since when it is. */
  private first: { readonly publicKey: string; readonly since: number } | undefined;
  private again: NodeJS.Timeout | undefined;

  constructor(private readonly parts: Parts) {
    this.reconciler = new Reconciler('tunnels', () => this.pass(), parts.log);
  }

  /** Follows all changes from now on. */
  start(): void {
    this.parts.state.onAnyChange(() => this.follow());
    this.reconciler.enqueue(key);
  }

  async stop(): Promise<void> {
    clearTimeout(this.again);
    await this.reconciler.stop();
  }

  /** Sessions come and go, and programs end, without telling anybody. Without encrypted networks it does nothing. */
  look(): void {
    if (this.isNeeded) this.reconciler.enqueue(key);
  }

  /** Why this host can have no encrypted connection with others. */
  get error(): string | undefined {
    return this.isNeeded ? this.failure : undefined;
  }

  /** Why nothing of an encrypted network gets from this host to that one; undefined: it does, or there is no such network. */
  whyUnconnected(host: string): string | undefined {
    const { state, host: own } = this.parts;
    if (host === own || !this.isNeeded || (this.connected?.has(host) ?? true)) return undefined;
    if (this.failure !== undefined) return 'this host has no encrypted connection with others';
    const hasKey = (state.hosts.get(keys.host(host))?.value.tunnels ?? []).length > 0;
    return hasKey ? 'it has no encrypted connection with this host' : 'it has no key for encrypted connections';
  }

  /** What is to be told of it to whoever wonders. None as long as no network is encrypted. */
  examine(): Finding[] {
    const { hosts, port } = this.parts;
    if (!this.isNeeded) return [];
    const present = this.others().filter(({ name }) => hosts.isPresent(name));
    return judgeEncryption({ error: this.error, others: new Map(present.map(({ name }) => [name, this.whyUnconnected(name)])), port });
  }

  /** The tenants that have an encrypted network. */
  tenants(): string[] {
    return [...new Set(this.parts.state.networks.values().flatMap(({ tenant, encrypted }) => (encrypted ? [tenant] : [])))];
  }

  /**
   * Makes this host another key. It takes the place of the old one when all hosts that are there can send to it.
   * @throws NetctlError `conflict` if there is none, or if that is just being done.
   */
  async rotate(): Promise<void> {
    if (!this.isNeeded) throw conflict('this host has no key for encrypted connections: no network is encrypted');
    const held = await this.parts.tunnels.keys();
    const [present] = held;
    if (!present || held.length > 1) throw conflict('the key of this host is just being changed; try again in a minute or two');
    const { index, publicKey } = await this.parts.tunnels.makeKey(1 - present.index);
    this.parts.log.info({ event: 'key-made', index, publicKey }, 'this host has another key for encrypted connections');
    await this.reconciler.sync(key);
  }

  private get isNeeded(): boolean {
    return this.parts.state.networks.values().some(({ encrypted }) => encrypted === true);
  }

  /** Many changes concern others only. */
  private follow(): void {
    const { state } = this.parts;
    const wish = JSON.stringify([this.isNeeded, state.hosts.values(), state.presences.values().map(({ host }) => host)]);
    if (wish === this.wished) return;
    this.wished = wish;
    this.reconciler.enqueue(key);
  }

  private async pass(): Promise<void> {
    try {
      await this.bring();
      this.failure = undefined;
    } catch (error) {
      this.failure = messageOf(error);
      throw error;
    }
  }

  private async bring(): Promise<void> {
    const { tunnels, hosts, now, log } = this.parts;
    const own = await this.own();
    const observed = await tunnels.read();
    this.learn(observed, own);
    const desired = planTunnels({ own, others: this.others(), mtu: tunnelMtu(this.parts.state.hosts.values()) });
    const steps = diffTunnels(desired, observed, now());
    if (steps.length > 0) {
      await tunnels.apply(steps);
      log.info({ event: 'tunnels-changed', actions: [...new Set(steps.map(({ action }) => action))] }, 'changed the tunnels to other hosts');
      this.lookAgain();
    }
    await hosts.publishTunnels(this.turnedOver(own, observed).map(published));
  }

  /** This host's ends, the one to send with first: as they are published, then what is not. The first key is made when it is needed. */
  private async own(): Promise<OwnTunnel[]> {
    const { tunnels, state, host } = this.parts;
    let held = await tunnels.keys();
    const told = (state.hosts.get(keys.host(host))?.value.tunnels ?? []).map(({ publicKey }) => publicKey);
    const first = held.find(({ publicKey }) => publicKey === told[0]);
    // What is older than the one in use, and not published any more, has had its time.
    const stale = this.isNeeded ? held.filter(({ publicKey, since }) => first && !told.includes(publicKey) && since <= first.since) : held;
    for (const { index } of stale) await tunnels.deleteKey(index);
    held = held.filter((key) => !stale.includes(key));
    if (held.length === 0 && this.isNeeded) held = [await tunnels.makeKey(0)];
    const rank = ({ publicKey }: TunnelKey): number => (told.includes(publicKey) ? told.indexOf(publicKey) : told.length);
    return held.toSorted((a, b) => rank(a) - rank(b) || a.since - b.since).map((key) => this.tunnelOf(key));
  }

  private tunnelOf({ index, publicKey, address, since }: TunnelKey): OwnTunnel {
    return { publicKey, address, since, port: this.parts.port + index, device: deviceName(index) };
  }

  private others(): Host[] {
    return this.parts.state.hosts.values().filter(({ name }) => name !== this.parts.host);
  }

  private turnedOver(own: readonly OwnTunnel[], observed: TunnelState): readonly OwnTunnel[] {
    const { hosts, now } = this.parts;
    const [first, newest] = [own[0], newestOf(own)];
    if (!first || !newest) return [];
    if (this.first?.publicKey !== first.publicKey) this.first = { publicKey: first.publicKey, since: now() };
    const present = this.others().filter(({ name }) => hosts.isPresent(name)).flatMap(({ tunnels = [] }) => tunnels.map(({ publicKey }) => publicKey));
    return turnedOver(own, { newestIsConnected: isConnectedToAll(observed, newest.device, present, now()), firstForMs: now() - this.first.since });
  }

  /** Who is connected, before anything is changed: what the changes bring is seen when it is looked again. */
  private learn(observed: TunnelState, [first]: readonly OwnTunnel[]): void {
    const { now, log, changed } = this.parts;
    const isConnected = ({ tunnels: [end] = [] }: Host): boolean => first !== undefined && end !== undefined && isConnectedToAll(observed, first.device, [end.publicKey], now());
    const before = this.connected;
    const connected = new Set(this.others().filter(isConnected).map(({ name }) => name));
    this.connected = connected;
    if (before?.size === connected.size && [...before].every((name) => connected.has(name))) return;
    if (before === undefined && connected.size === 0 && !this.isNeeded) return;
    log.info({ event: 'tunnels-connected', hosts: [...connected] }, 'with these hosts there are encrypted connections');
    changed();
  }

  private lookAgain(): void {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.look(), sessionMs);
  }
}

function published({ publicKey, address, port, since }: OwnTunnel): HostTunnel {
  return { publicKey, address, port, since };
}
