import type { Test } from 'tap';
import type { Echo } from '../../../daemon/kernel/port.js';
import { FakeTunnels, type Air } from '../../../daemon/kernel/tunnels-fake.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import { isShared, type Announcement, type ChangeSet, type Entry, type Json, type Outcome, type SharedStore, type Store, type Transaction, type Watch, type Watcher } from '../../../daemon/store/port.js';
import { IpAddress } from '../../../src/model/address.js';
import { unavailable } from '../../../src/model/errors.js';
import { Bed, until } from './bed.js';

/** A store that hosts share, as one of them reaches it: it can be cut off, and then its announcements end when they are told to. */
export class Connection implements SharedStore {
  private readonly announced = new Map<string, Json>();
  private readonly gates = new Set<Gate>();
  private isCut = false;

  /** How many transactions were carried out, and how many were not since a condition did not hold. */
  readonly outcomes = { committed: 0, refused: 0 };

  constructor(private readonly store: Store) {}

  get(key: string): Promise<Entry | undefined> {
    return this.reached(() => this.store.get(key));
  }

  list(prefix: string): Promise<{ entries: readonly Entry[]; revision: number }> {
    return this.reached(() => this.store.list(prefix));
  }

  async transact(transaction: Transaction): Promise<Outcome> {
    const outcome = await this.reached(() => this.store.transact(transaction));
    this.outcomes[outcome.committed ? 'committed' : 'refused'] += 1;
    return outcome;
  }

  watch(prefix: string, revision: number, watcher: Watcher): Watch {
    const gate = new Gate(watcher, () => this.isCut);
    this.gates.add(gate);
    const watch = this.store.watch(prefix, revision, gate);
    return {
      close: () => {
        this.gates.delete(gate);
        watch.close();
      },
    };
  }

  async announce(key: string, value: Json, ttlSeconds: number): Promise<Announcement> {
    if (isShared(this.store)) return this.store.announce(key, value, ttlSeconds);
    await this.transact({ conditions: [], operations: [{ key, put: value }] });
    this.announced.set(key, value);
    return { close: () => void this.announced.delete(key) };
  }

  async close(): Promise<void> {}

  /** The store is not reached any more. */
  cut(): void {
    this.isCut = true;
  }

  /** It is reached again: what it told meanwhile comes now, and what was announced is there. */
  async mend(): Promise<void> {
    this.isCut = false;
    for (const gate of this.gates) gate.open();
    for (const [key, put] of this.announced) await this.store.transact({ conditions: [], operations: [{ key, put }] });
  }

  private reached<T>(work: () => Promise<T>): Promise<T> {
    return this.isCut ? Promise.reject(unavailable('the store does not answer')) : work();
  }
}

/** Holds back what a watcher would be told while its host is cut off. */
class Gate implements Watcher {
  private readonly held: ChangeSet[] = [];

  constructor(
    private readonly watcher: Watcher,
    private readonly isCut: () => boolean,
  ) {}

  changed(set: ChangeSet): void {
    if (this.isCut()) this.held.push(set);
    else this.watcher.changed(set);
  }

  lost(reason: string): void {
    this.watcher.lost(reason);
  }

  open(): void {
    for (const set of this.held.splice(0)) this.watcher.changed(set);
  }
}

/** What is between the hosts of a store. */
const airs = new WeakMap<Store, Air>();

/** A host of several: its Docker and its kernel are its own, the store is everybody's. */
export class ClusterHost extends Bed {
  readonly connection: Connection;
  readonly tunnels: FakeTunnels;
  /** What becomes of an echo request to an address on the underlay; through the segment of no tenant, or around it. */
  echo: (router: string | undefined, target: IpAddress, length: number) => Promise<Echo> = () => Promise.resolve({ outcome: 'answered', milliseconds: 0.5 });
  /** Where it is on the underlay. */
  underlay: { address: IpAddress; mtu: number };
  underlayFailure: Error | undefined;

  constructor(number: number, readonly everybodys: Store, identity = `id-of-h${number}`) {
    const connection = new Connection(everybodys);
    super(connection, `h${number}`, {
      announce: (key, value, ttlSeconds) => connection.announce(key, value, ttlSeconds),
      ...{ id: identity, leaseSeconds: 10, vxlanPort: 4789 },
      underlay: { find: () => (this.underlayFailure ? Promise.reject(this.underlayFailure) : Promise.resolve(this.underlay)) },
      ...{ probeMs: 20, tunnelPort: 51820 },
      tunnels: { keys: () => this.tunnels.keys(), makeKey: (index) => this.tunnels.makeKey(index), deleteKey: (index) => this.tunnels.deleteKey(index), read: () => this.tunnels.read(), apply: (steps) => this.tunnels.apply(steps) },
      pinger: { echo: (router, target, { length }) => this.echo(router, target, length) },
    });
    this.connection = connection;
    const air: Air = airs.get(everybodys) ?? new Map<string, FakeTunnels>();
    airs.set(everybodys, air);
    this.tunnels = new FakeTunnels(air, number, () => this.now);
    this.underlay = { address: IpAddress.parse(`192.168.7.${number}`), mtu: 1500 };
  }

  /** Nothing is heard of it any more, and its lease has ended. */
  async vanish(): Promise<void> {
    this.connection.cut();
    await this.everybodys.transact({ conditions: [], operations: [{ key: `presences/${this.host}`, delete: true }] });
  }
}

/** Hosts that share a store and are there, all of them. */
export async function cluster(t: Test, count: number): Promise<[ClusterHost, ...ClusterHost[]]> {
  const store = new MemoryStore();
  const hosts = Array.from({ length: count }, (_, index) => new ClusterHost(index + 1, store));
  for (const host of hosts) {
    t.teardown(() => host.stop());
    await host.start();
  }
  await allPresent(hosts);
  return hosts as [ClusterHost, ...ClusterHost[]];
}

export function allPresent(hosts: readonly ClusterHost[]): Promise<void> {
  return until('all hosts are there', async () => (await hosts[0]?.everybodys.list('presences/'))?.entries.length === hosts.length);
}

/** The addresses that the host's router balances TCP port 80 of 10.1.1.100 over, for each slot one, in order. */
export async function balancedOn({ kernel }: ClusterHost): Promise<string[]> {
  const found = await kernel.nftables.read('default');
  if (typeof found !== 'object') return [];
  const ports = [...found.ip.ports.values()].filter(({ address, port }) => address.toString() === '10.1.1.100' && port === 80);
  return ports.flatMap(({ slots }) => slots.map(({ address }) => address.toString())).sort();
}
