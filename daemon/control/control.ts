import { setTimeout } from 'node:timers/promises';
import type { AddressPort, EndpointPort } from '../../plugin/ports.js';
import type { ObjectEvent } from '../../src/model/event.js';
import type { Network } from '../../src/model/network.js';
import type { NetworkRequest, ServiceChange, ServiceRequest, TenantRequest } from '../../src/model/request.js';
import type { Service } from '../../src/model/service.js';
import type { Tenant } from '../../src/model/tenant.js';
import type { ContainerListener, DockerEngine } from '../docker/port.js';
import type { Kernel } from '../kernel/port.js';
import type { Store } from '../store/port.js';
import { Addresses } from './addresses.js';
import { Chronicle } from './chronicle.js';
import { Containers } from './containers.js';
import { DockerNetworks } from './docker-networks.js';
import { Drains } from './drains.js';
import { Events } from './events.js';
import { Garbage } from './garbage.js';
import type { Logger } from './logger.js';
import { Networks } from './networks.js';
import type { DrainAnswer, EndpointView, NetworkView, Operations, ProviderExplanation, ServiceView, TenantView } from './operations.js';
import { PluginAddresses } from './plugin-addresses.js';
import { PluginEndpoints } from './plugin-endpoints.js';
import { Providers } from './providers.js';
import { Reconciler } from './reconciler.js';
import { Routers, type RouterMetrics } from './routers.js';
import { Services } from './services.js';
import { notReady, State } from './state.js';
import { Tenants } from './tenants.js';
import { Views } from './views.js';

export interface ControlOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly docker: DockerEngine;
  /** The name of this host. */
  readonly host: string;
  /** How long a released address rests, in milliseconds. */
  readonly restMs: number;
  /** Between two readings of the whole kernel state, in milliseconds. */
  readonly verifyMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  readonly metrics: RouterMetrics;
}

/** How long an answer waits for the kernel, in milliseconds. */
const settleMs = 3000;

/** How often leftovers are looked for, in milliseconds. */
const garbageMs = 15_000;

/**
 * All that netctl decides, put together: users' operations, Docker's calls and Docker's events go
 * in, the store and the kernel are kept in step. It knows ports, no adapter.
 */
export class Control implements Operations {
  readonly pluginAddresses: AddressPort;
  readonly pluginEndpoints: EndpointPort;
  private readonly events: Events;
  private readonly state: State;
  private readonly containers: Containers;
  private readonly tenants: Tenants;
  private readonly networks: Networks;
  private readonly services: Services;
  private readonly drains: Drains;
  private readonly providers: Providers;
  private readonly routers: Routers;
  private readonly views: Views;
  private readonly garbage: Garbage;
  private readonly dockerNetworks: Reconciler;
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
    this.routers = new Routers({ kernel: options.kernel, state, containers, providers: this.providers, host, log, metrics: options.metrics, chronicle });
    this.tenants = new Tenants(store, state);
    this.networks = new Networks({ store, state, docker, host, now, log, doubtDocker: () => this.dockerNetworks.enqueue('all') });
    this.services = new Services(store, state, addresses);
    this.drains = new Drains({ state, services: this.services, containers, providers: this.providers, log });
    this.views = new Views(state, containers, this.providers, host, (tenant) => this.routers.errorOf(tenant));
    const dockerNetworks = new DockerNetworks({ store, state, docker, networks: this.networks, host, log });
    this.dockerNetworks = new Reconciler('docker-networks', () => dockerNetworks.reconcile(), log);
    this.pluginAddresses = new PluginAddresses(store, state, addresses, host);
    const endpoints = new PluginEndpoints({ store, state, addresses, routers: this.routers, host, networks: this.networks });
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
    await this.routers.start();
    this.every(this.options.verifyMs, () => this.verify());
    this.every(garbageMs, () => this.collectGarbage());
  }

  /** From now on nothing is asked of Docker. To be called while Docker's own calls are still answered: it waits for them. */
  async leaveDocker(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all([...this.periodic, this.dockerNetworks.stop()]);
  }

  /** Ends all work of its own. What the kernel holds stays and keeps forwarding. */
  async stop(): Promise<void> {
    await this.leaveDocker();
    await this.routers.stop();
    this.state.close();
  }

  /** Takes back what crashes left behind. Done every few seconds anyway. */
  collectGarbage(): Promise<void> {
    return this.garbage.collect();
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
    const patience = new AbortController();
    await Promise.race([this.routers.sync(tenant), setTimeout(settleMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
  }

  /** Compares what is with what should be, in the kernel and in Docker. */
  private verify(): Promise<void> {
    this.routers.verifyAll();
    if (this.containers.areCurrent) this.dockerNetworks.enqueue('all');
    return Promise.resolve();
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
