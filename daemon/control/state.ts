import type { IpAddress } from '../../src/model/address.js';
import type { Allocation } from '../../src/model/allocation.js';
import type { DockerPool } from '../../src/model/docker-pool.js';
import type { HostContainer } from '../../src/model/container.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { Host, Presence } from '../../src/model/host.js';
import { messageOf, notFound, unavailable } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { DockerBinding, Leftover, Network } from '../../src/model/network.js';
import type { Service } from '../../src/model/service.js';
import { decodeStored } from '../../src/model/stored.js';
import type { Tenant } from '../../src/model/tenant.js';
import type { UnnamedNetwork } from '../../src/model/unnamed-network.js';
import type { Uplink } from '../../src/model/uplink.js';
import type { Change, Store, Watch } from '../store/port.js';
import { AllocationTable } from './allocation-table.js';
import { HostContainerTable } from './host-container-table.js';
import type { Logger } from './logger.js';
import { Table, type Stored } from './table.js';

/** Something that a user or Docker made, changed or removed; absent: it was, or is, not there. */
export type ObjectChange =
  | { readonly kind: 'tenant'; readonly before?: Tenant; readonly after?: Tenant }
  | { readonly kind: 'network'; readonly before?: Network; readonly after?: Network }
  | { readonly kind: 'service'; readonly before?: Service; readonly after?: Service }
  | { readonly kind: 'endpoint'; readonly before?: Endpoint; readonly after?: Endpoint };

/** Between two attempts to read the store again, in milliseconds. */
const reloadMs = 1000;

/** Told which tenants something changed in. */
export type StateListener = (tenants: ReadonlySet<string>) => void;

/**
 * All that the store holds, decoded, in memory, and never behind what this process wrote itself:
 * a watcher is told before the writer's transaction returns.
 */
export class State {
  readonly tenants = new Table<Tenant>(keys.tenants, decodeStored.tenant, (tenant) => tenant.name);
  readonly networks = new Table<Network>(keys.networks, decodeStored.network, (network) => network.tenant);
  readonly services = new Table<Service>(keys.services, decodeStored.service, (service) => service.tenant);
  readonly endpoints = new Table<Endpoint>(keys.endpoints, decodeStored.endpoint, (endpoint) => endpoint.tenant);
  readonly bindings = new Table<DockerBinding>(keys.bindings, decodeStored.binding, (binding) => binding.tenant);
  readonly uplinks = new Table<Uplink>(keys.uplinks, decodeStored.uplink, (uplink) => uplink.tenant);
  /** By host: a pool has no tenant yet. */
  readonly pools = new Table<DockerPool>(keys.pools, decodeStored.pool, (pool) => pool.host);
  /** What Docker made and netctl does not know the name of yet. */
  readonly unnamed = new Table<UnnamedNetwork>(keys.unnamed, decodeStored.unnamedNetwork, (network) => network.tenant);
  /** By host: what Docker has there of networks that are no more. */
  readonly leftovers = new Table<Leftover>(keys.leftovers, decodeStored.leftover, (leftover) => leftover.host);
  readonly hosts = new Table<Host>(keys.hosts, decodeStored.host, (host) => host.name);
  /** Of the hosts that are there. */
  readonly presences = new Table<Presence>(keys.presences, decodeStored.presence, (presence) => presence.host);
  /** By host: what each tells the others of its containers. */
  readonly hostContainers = new HostContainerTable();
  readonly allocations = new AllocationTable();
  readonly vnis = new Set<number>();
  private readonly tables = [
    ...[this.services, this.tenants, this.networks, this.endpoints, this.bindings, this.uplinks],
    ...[this.pools, this.unnamed, this.leftovers, this.hosts, this.presences, this.hostContainers],
  ] as Table<object>[];

  /** Counted up with each change of anything but a service: of these there are many, and much is not about them. */
  surroundings = 0;

  private readonly listeners = new Set<StateListener>();
  private readonly allListeners = new Set<() => void>();
  private readonly readListeners = new Set<() => void>();
  private readonly objectListeners = new Set<(change: ObjectChange) => void>();
  private watch: Watch | undefined;
  private loaded = false;
  /** Why it may be behind the store. */
  private gap: string | undefined;
  private closed = false;

  constructor(
    private readonly store: Store,
    private readonly log: Logger,
  ) {}

  /** Lists everything, and from there on follows every change. Rejects if what is stored cannot be understood. */
  async load(): Promise<void> {
    const { entries, revision } = await this.store.list('');
    if (this.closed) return;
    const before = this.tenantNames();
    // What cannot be understood is found before what is known is given up.
    if (this.loaded) for (const { key, value } of entries) this.tableOf(key)?.decode(value);
    this.clear();
    this.loaded = false;
    for (const entry of entries) this.take({ key: entry.key, put: entry });
    this.loaded = true;
    this.gap = undefined;
    this.watch = this.store.watch('', revision, {
      changed: (set) => this.changed(set.changes),
      lost: (reason) => this.reload(reason),
    });
    this.notify(new Set([...before, ...this.tenantNames()]));
    for (const listener of [...this.allListeners, ...this.readListeners]) listener();
  }

  /** Whether the store was read once. From then on what was read last stays in force, whatever becomes of the store. */
  get isLoaded(): boolean {
    return this.loaded;
  }

  /** Whether it follows the store: otherwise the store could not tell what changed, and is read again. */
  get isCurrent(): boolean {
    return this.loaded && this.gap === undefined;
  }

  onChange(listener: StateListener): void {
    this.listeners.add(listener);
  }

  /** Told of each object that changes from now on; not of those that are found when the store is read. */
  onObjectChange(listener: (change: ObjectChange) => void): void {
    this.objectListeners.add(listener);
  }

  /** Told when all was read again. */
  onRead(listener: () => void): void {
    this.readListeners.add(listener);
  }

  /** Told of every change, also of those that concern no router. */
  onAnyChange(listener: () => void): void {
    this.allListeners.add(listener);
  }

  close(): void {
    this.closed = true;
    this.watch?.close();
    this.loaded = false;
  }

  /** @throws NetctlError `not-found`. */
  requireTenant(name: string): Stored<Tenant> {
    const stored = this.tenants.get(keys.tenant(name));
    if (!stored) throw notFound(`tenant ${name} not found: create it with "netctl tenant create ${name}"`);
    return stored;
  }

  /** @throws NetctlError `not-found`, for the tenant or the network. */
  requireNetwork(tenant: string, name: string): Stored<Network> {
    this.requireTenant(tenant);
    const stored = this.networks.get(keys.network(tenant, name));
    if (!stored) throw notFound(`network ${name} not found in tenant ${tenant}`);
    return stored;
  }

  /** @throws NetctlError `not-found`, for the tenant or the service. */
  requireService(tenant: string, name: string): Stored<Service> {
    this.requireTenant(tenant);
    const stored = this.services.get(keys.service(tenant, name));
    if (!stored) throw notFound(`service ${name} not found in tenant ${tenant}`);
    return stored;
  }

  /** The Docker network on this host that stands for the network. */
  bindingOf(host: string, tenant: string, network: string): DockerBinding | undefined {
    return this.bindings.of(tenant).find((binding) => binding.host === host && binding.network === network);
  }

  allocationOf(tenant: string, network: string, address: IpAddress): Stored<Allocation> | undefined {
    return this.allocations.get(keys.allocation(tenant, network, address));
  }

  private tenantNames(): string[] {
    return this.tenants.values().map((tenant) => tenant.name);
  }

  private changed(changes: readonly Change[]): void {
    try {
      this.notify(new Set(changes.flatMap((change) => this.take(change))));
      for (const listener of this.allListeners) listener();
    } catch (error) {
      this.watch?.close();
      this.reload(messageOf(error));
    }
  }

  /** Returns the tenants in which something changed that concerns their routers; who holds an address does not. */
  private take(change: Change): readonly string[] {
    if (change.key.startsWith(keys.vnis)) return this.takeVni(change);
    if (change.key.startsWith(keys.allocations)) return this.takeAllocation(change);
    const table = this.tableOf(change.key);
    if (!table) return [];
    if (table !== this.services) this.surroundings += 1;
    const before = table.get(change.key)?.value;
    const tenant = table.apply(change);
    const after = table.get(change.key)?.value;
    if (this.loaded) this.tellObject(table, before, after);
    return this.loaded ? this.concernedBy(table, tenant, [before, after]) : [];
  }

  /** The tenants whose routers a change in the table may concern. */
  private concernedBy(table: Table<object>, tenant: string | undefined, values: readonly unknown[]): readonly string[] {
    if (table === this.pools || table === this.leftovers) return [];
    // Where a host is reached, and how large packets to it may be, concerns every segment.
    if (table === this.hosts) return this.tenantNames();
    if (table === this.presences) return this.tenantsOn(tenant ?? '');
    if (table === this.hostContainers) return (values as readonly (HostContainer | undefined)[]).flatMap((told) => (told ? this.tenantsOf(told) : []));
    return tenant === undefined ? [] : [tenant];
  }

  private tenantsOn(host: string): string[] {
    return [...new Set(this.endpoints.values().flatMap((endpoint) => (endpoint.host === host ? [endpoint.tenant] : [])))];
  }

  private tenantsOf({ host, container }: HostContainer): string[] {
    return container.attachments.flatMap(({ endpointId, networkId }) => {
      const tenant = this.endpoints.get(keys.endpoint(endpointId))?.value.tenant ?? this.bindings.get(keys.binding(host, networkId))?.value.tenant;
      return tenant === undefined ? [] : [tenant];
    });
  }

  private tellObject(table: Table<object>, before: unknown, after: unknown): void {
    const kinds = new Map<unknown, ObjectChange['kind']>([
      [this.tenants, 'tenant'],
      [this.networks, 'network'],
      [this.services, 'service'],
      [this.endpoints, 'endpoint'],
    ]);
    const kind = kinds.get(table);
    if (kind === undefined) return;
    const change = { kind, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) } as ObjectChange;
    for (const listener of this.objectListeners) listener(change);
  }

  private takeVni(change: Change): readonly string[] {
    const vni = Number(change.key.slice(keys.vnis.length));
    if ('delete' in change) this.vnis.delete(vni);
    else this.vnis.add(vni);
    return [];
  }

  private takeAllocation(change: Change): readonly string[] {
    this.allocations.apply(change);
    return [];
  }

  private tableOf(key: string): Table<object> | undefined {
    return this.tables.find(({ prefix }) => key.startsWith(prefix));
  }

  private clear(): void {
    this.surroundings += 1;
    for (const table of this.tables) table.clear();
    this.allocations.clear();
    this.vnis.clear();
  }

  private notify(tenants: ReadonlySet<string>): void {
    if (tenants.size > 0) for (const listener of this.listeners) listener(tenants);
  }

  /** What was read last stays in force until the store is read again. */
  private reload(reason: string): void {
    if (this.closed) return;
    if (this.gap === undefined) this.log.warn({ event: 'state-lost', reason }, 'the store cannot tell what changed; reading it again');
    this.gap = reason;
    this.load().catch((error: unknown) => {
      this.log.error({ event: 'state-reload-failed', err: error }, 'the store could not be read again');
      setTimeout(() => this.reload(messageOf(error)), reloadMs).unref();
    });
  }
}

export function notReady(): Error {
  return unavailable('netctld is still starting: its state is not loaded yet; try again in a moment');
}

