import type { AddressPort, EndpointPort, PublicationPort } from '../../plugin/ports.js';
import type { Finding } from '../../src/checkup/finding.js';
import type { ObjectEvent } from '../../src/model/event.js';
import type { DefaultPool } from '../../src/ipam/default-pool.js';
import type { UplinkRanges } from '../../src/fabric/uplink.js';
import type { Family } from '../../src/model/address.js';
import type { Network } from '../../src/model/network.js';
import type { NetworkRequest, ServiceChange, ServiceRequest, TenantRequest } from '../../src/model/request.js';
import type { Service } from '../../src/model/service.js';
import type { Tenant } from '../../src/model/tenant.js';
import type { ContainerListener, DockerEngine } from '../docker/port.js';
import type { Checkup, Kernel } from '../kernel/port.js';
import type { Store } from '../store/port.js';
import { Addresses } from './addresses.js';
import { Chronicle } from './chronicle.js';
import { Containers } from './containers.js';
import { Doctor } from './doctor.js';
import { DockerNetworks } from './docker-networks.js';
import { DockerPools } from './docker-pools.js';
import { Drains } from './drains.js';
import { Events, type Happening } from './events.js';
import { Garbage } from './garbage.js';
import { HostAccess } from './host-access.js';
import { Host } from './host.js';
import type { Logger } from './logger.js';
import { Networks } from './networks.js';
import type { DrainAnswer, EndpointView, NetworkView, Operations, ProviderExplanation, ServiceStatsView, ServiceView, TenantView } from './operations.js';
import { waitAtMost } from './patience.js';
import { PluginAddresses } from './plugin-addresses.js';
import { PluginEndpoints } from './plugin-endpoints.js';
import { Providers } from './providers.js';
import { Publications } from './publications.js';
import { Reconciler } from './reconciler.js';
import { Routers, type RouterMetrics } from './routers.js';
import { Services } from './services.js';
import { notReady, State } from './state.js';
import { Statistics } from './statistics.js';
import { Tenants } from './tenants.js';
import { UnnamedNetworks } from './unnamed-networks.js';
import { Uplinks } from './uplinks.js';
import { Views } from './views.js';
import { Waiting } from './waiting.js';

export interface ControlOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly checkup: Checkup;
  readonly docker: DockerEngine;
  /** The name of this host. */
  readonly host: string;
  /** How long a released address rests, in milliseconds. */
  readonly restMs: number;
  /** Between two readings of the whole kernel state, in milliseconds. */
  readonly verifyMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Where subnets are taken from that nobody names. */
  readonly defaultPools: Readonly<Record<Family, DefaultPool>>;
  /** Where the addresses of uplinks are taken from. */
  readonly uplinkRanges: UplinkRanges;
  readonly log: Logger;
  readonly metrics: RouterMetrics;
}

/** How long an answer waits for the kernel, in milliseconds. */
const settleMs = 3000;

/** How often it is looked whether somebody else changed a router or the host's own network, in milliseconds. */
const lookMs = 2000;

/** How often leftovers are looked for, in milliseconds. */
const garbageMs = 15_000;

/**
 * All that netctl decides, put together: users' operations, Docker's calls and Docker's events go
 * in, the store and the kernel are kept in step. It knows ports, no adapter.
 */
export class Control implements Operations {
  readonly pluginAddresses: AddressPort;
  readonly pluginEndpoints: EndpointPort;
  readonly pluginPublications: PublicationPort;
  private readonly events: Events;
  private readonly state: State;
  private readonly containers: Containers;
  private readonly tenants: Tenants;
  private readonly networks: Networks;
  private readonly services: Services;
  private readonly drains: Drains;
  private readonly providers: Providers;
  private readonly routers: Routers;
  private readonly hostNetwork: Host;
  private readonly publications: Publications;
  private readonly views: Views;
  private readonly statistics: Statistics;
  private readonly doctor: Doctor;
  private readonly garbage: Garbage;
  private readonly dockerNetworks: Reconciler;
  private readonly pools: DockerPools;
  private readonly networkNames: Reconciler;
  private readonly timers: NodeJS.Timeout[] = [];
  /** Periodic work that is under way. */
  private readonly periodic = new Set<Promise<void>>();

  constructor(private readonly options: ControlOptions) {
    const { store, docker, host, now, log } = options;
    const state = new State(store, log);
    const containers = new Containers(log);
    const addresses = new Addresses(state, now, options.restMs);
    this.events = new Events(now);
    const chronicle = new Chronicle(this.events, containers, host);
    chronicle.follow(state);
    this.state = state;
    this.containers = containers;
    this.providers = new Providers(state, containers, host);
    const access = new HostAccess(state, options.kernel.host);
    const uplinks = new Uplinks(store, state, host, options.uplinkRanges);
    const linked = (): void => this.hostNetwork.linked();
    this.routers = new Routers({ kernel: options.kernel, state, containers, providers: this.providers, host, log, metrics: options.metrics, chronicle, uplinks, linked });
    this.hostNetwork = new Host({
      ...{ hostNetwork: options.kernel.host, flows: options.kernel.hostFlows, ranges: options.uplinkRanges, state, uplinks, access, host, log },
      hasStrangers: () => this.routers.hasStrangers,
      repaired: (differences) => chronicle.hostRepaired(differences),
    });
    const carryOut = (tenant: string): Promise<string | undefined> => this.carryOut(tenant);
    this.publications = new Publications({ store, state, containers, hostPorts: options.kernel.ports, host, log, carryOut, lost: (endpoint, reason) => chronicle.portLost(endpoint, reason) });
    this.pluginPublications = this.publications;
    this.tenants = new Tenants(store, state, access);
    this.networks = new Networks({ store, state, docker, host, now, log, uplinks, access, doubtDocker: () => this.dockerNetworks.enqueue('all') });
    this.services = new Services(store, state, addresses);
    this.drains = new Drains({ state, services: this.services, containers, providers: this.providers, log });
    this.statistics = new Statistics({ state, providers: this.providers, containers, kernel: options.kernel, now });
    this.views = new Views(state, containers, this.providers, host, {
      ofTenant: (tenant) => this.routers.errorOf(tenant) ?? this.hostNetwork.errorOf(tenant) ?? this.hostNetwork.remarkOf(tenant),
      ofEndpoint: (id) => this.publications.errorOf(id),
    });
    const dockerNetworks = new DockerNetworks({ store, state, docker, networks: this.networks, host, log });
    this.dockerNetworks = new Reconciler('docker-networks', () => dockerNetworks.reconcile(), log);
    this.doctor = new Doctor({
      ...{ checkup: options.checkup, docker, state, uplinks, host, routers: this.routers, hostNetwork: this.hostNetwork },
      syncDocker: () => this.dockerNetworks.sync('all'),
    });
    const waiting = new Waiting();
    state.onAnyChange(() => waiting.recheck());
    this.pools = new DockerPools({ store, state, waiting, defaults: options.defaultPools, hostRoutes: async () => (await options.kernel.host.foreignRoutes()).map(({ prefix }) => prefix), host, now, log });
    const record = (happening: Happening): void => this.events.record(happening);
    const unnamed = new UnnamedNetworks({ store, state, docker, networks: this.networks, pools: this.pools, waiting, uplinks, access, host, now, log, record });
    this.networkNames = new Reconciler('network-names', () => unnamed.nameAll(), log);
    this.pluginAddresses = new PluginAddresses({ store, state, addresses, pools: this.pools, unnamed, networks: this.networks, host, now });
    const endpoints = new PluginEndpoints({ store, state, addresses, routers: this.routers, host, networks: this.networks, unnamed });
    this.pluginEndpoints = endpoints;
    this.garbage = new Garbage({ store, state, containers, docker, addresses, drains: this.drains, forgetEndpoint: (id) => endpoints.forget(id), host, now, log });
  }

  /** What Docker says of containers goes here. */
  get containerListener(): ContainerListener {
    return this.containers;
  }

  /** Whether Docker answers, as far as is known. */
  get dockerAnswers(): boolean {
    return this.containers.areCurrent;
  }

  /** How many objects of each kind there are. */
  counts(): Record<'tenant' | 'network' | 'service' | 'endpoint', number> {
    const { tenants, networks, services, endpoints } = this.state;
    return { tenant: tenants.size, network: networks.size, service: services.size, endpoint: endpoints.size };
  }

  /** Loads the store, then begins to keep the kernel in step. Rejects if the store cannot be read. */
  async start(): Promise<void> {
    await this.state.load();
    await this.tenants.ensureDefault();
    await this.tenants.recover();
    await this.networks.recover();
    this.containers.onConnected(() => this.dockerNetworks.enqueue('all'));
    this.containers.onNetworks(() => this.networkNames.enqueue('all'));
    this.publications.start();
    await this.routers.start();
    this.hostNetwork.start();
    this.every(this.options.verifyMs, () => this.verify());
    this.every(lookMs, () => this.look());
    this.every(garbageMs, () => this.collectGarbage());
  }

  /** From now on nothing is asked of Docker. To be called while Docker's own calls are still answered: it waits for them. */
  async leaveDocker(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all([...this.periodic, this.dockerNetworks.stop(), this.networkNames.stop()]);
  }

  /** Ends all work of its own. What the kernel holds stays and keeps forwarding. */
  async stop(): Promise<void> {
    await this.leaveDocker();
    await Promise.all([this.routers.stop(), this.hostNetwork.stop()]);
    this.publications.stop();
    this.state.close();
  }

  /** Takes back what crashes left behind. Done every few seconds anyway. */
  async collectGarbage(): Promise<void> {
    await this.garbage.collect();
    await this.pools.collect();
    // Besides naming, it forgets what Docker never finished.
    if (this.containers.areCurrent) this.networkNames.enqueue('all');
  }

  ready(): Promise<void> {
    return this.state.isLoaded ? Promise.resolve() : Promise.reject(notReady());
  }

  async createTenant(request: TenantRequest): Promise<{ created: boolean; tenant: Tenant }> {
    const answer = await this.tenants.create(request);
    await this.settled(request.name);
    return answer;
  }

  deleteTenant(name: string): Promise<void> {
    return this.tenants.delete(name);
  }

  listTenants(): TenantView[] {
    return this.state.tenants.values().map((tenant) => this.views.tenant(tenant)).sort((a, b) => a.tenant.name.localeCompare(b.tenant.name));
  }

  tenant(name: string): TenantView {
    return this.views.tenant(this.state.requireTenant(name).value);
  }

  async createNetwork(request: NetworkRequest): Promise<{ created: boolean; network: Network }> {
    const answer = await this.networks.create(request);
    await this.settled(request.tenant);
    return answer;
  }

  async deleteNetwork(tenant: string, name: string): Promise<void> {
    await this.networks.delete(tenant, name);
    await this.settled(tenant);
  }

  listNetworks(): Network[] {
    return this.state.networks.values().sort(byTenantAndName);
  }

  network(tenant: string, name: string): NetworkView {
    return this.views.network(this.state.requireNetwork(tenant, name).value);
  }

  async createService(request: ServiceRequest): Promise<{ created: boolean; service: Service }> {
    const answer = await this.services.create(request);
    await this.settled(request.tenant);
    return answer;
  }

  async updateService(change: ServiceChange): Promise<Service> {
    const service = await this.services.update(change);
    await this.settled(change.tenant);
    return service;
  }

  async drainService(tenant: string, name: string, container: string): Promise<DrainAnswer> {
    const answer = await this.drains.drain(tenant, name, container);
    await this.settled(tenant);
    return answer;
  }

  async undrainService(tenant: string, name: string, container: string): Promise<DrainAnswer> {
    const answer = await this.drains.undrain(tenant, name, container);
    await this.settled(tenant);
    return answer;
  }

  async deleteService(tenant: string, name: string): Promise<void> {
    await this.services.delete(tenant, name);
    await this.settled(tenant);
  }

  listServices(): ServiceView[] {
    return this.state.tenants
      .values()
      .flatMap(({ name }) => this.views.services(this.state.services.of(name), this.providers.membership(name)))
      .sort((a, b) => byTenantAndName(a.service, b.service));
  }

  service(tenant: string, name: string): ServiceView {
    const { value } = this.state.requireService(tenant, name);
    const [view] = this.views.services([value], this.providers.membership(tenant));
    if (!view) throw new Error('a service has no view');
    return view;
  }

  async serviceStats(tenant: string, name: string): Promise<ServiceStatsView> {
    const [view] = await this.statistics.read(tenant, [this.state.requireService(tenant, name).value]);
    if (!view) throw new Error('a service has no statistics');
    return view;
  }

  listServiceStats(tenant: string): Promise<ServiceStatsView[]> {
    this.state.requireTenant(tenant);
    return this.statistics.read(tenant, this.state.services.of(tenant).sort(byTenantAndName));
  }

  explainService(tenant: string, name: string): { service: Service; containers: ProviderExplanation[] } {
    const service = this.state.requireService(tenant, name).value;
    return { service, containers: this.views.explain(service, this.providers.membership(tenant)) };
  }

  listEndpoints(): EndpointView[] {
    return this.views.endpoints(this.state.endpoints.values());
  }

  findEndpoints(text: string): EndpointView[] {
    return this.listEndpoints().filter(({ endpoint, container }) =>
      [endpoint.id, container?.id, container?.name].some((candidate) => candidate?.includes(text)),
    );
  }

  examine(): Promise<Finding[]> {
    return this.doctor.examine();
  }

  repair(): Promise<void> {
    return this.doctor.repair();
  }

  /** What happened, in the order in which it happened last. */
  listEvents(): readonly ObjectEvent[] {
    return this.events.list();
  }

  followEvents(listener: (event: ObjectEvent) => void): () => void {
    return this.events.follow(listener);
  }

  /**
   * Waits until the kernel holds what was asked for, so that the user's next command meets it. Not for
   * long: what takes longer, or fails, goes on by itself and shows in the object's status.
   */
  private async settled(tenant: string): Promise<void> {
    await waitAtMost(settleMs, this.synced(tenant));
  }

  /** The host's pass follows the router's, which makes the link. */
  private async synced(tenant: string): Promise<void> {
    await this.routers.sync(tenant);
    await this.hostNetwork.sync();
  }

  /** Brings what is published into the kernel; answers why it could not. */
  private async carryOut(tenant: string): Promise<string | undefined> {
    await this.synced(tenant);
    return this.routers.failureOf(tenant) ?? this.hostNetwork.errorOf(tenant);
  }

  /** Finds what somebody else changed in the kernel, without reading all of it. */
  private async look(): Promise<void> {
    await this.hostNetwork.look();
    await this.routers.look();
  }

  /** Compares what is with what should be, in the kernel and in Docker. */
  private async verify(): Promise<void> {
    await this.routers.verifyAll();
    this.hostNetwork.verify();
    this.publications.verify();
    if (this.containers.areCurrent) this.dockerNetworks.enqueue('all');
  }

  /** Does the work again and again, never twice at the same time. */
  private every(ms: number, work: () => Promise<void>): void {
    let running: Promise<void> | undefined;
    const tick = (): void => {
      if (running) return;
      const run = work()
        .catch((error: unknown) => this.options.log.error({ event: 'periodic-work-failed', err: error }, 'periodic work failed'))
        .finally(() => {
          running = undefined;
          this.periodic.delete(run);
        });
      running = run;
      this.periodic.add(run);
    };
    this.timers.push(setInterval(tick, ms).unref());
  }
}

function byTenantAndName(a: { tenant: string; name: string }, b: { tenant: string; name: string }): number {
  return a.tenant.localeCompare(b.tenant) || a.name.localeCompare(b.name);
}
