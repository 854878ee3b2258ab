import type { AddressPort, EndpointPort, PublicationPort } from '../../plugin/ports.js';
import type { Finding } from '../../src/checkup/finding.js';
import { conflict } from '../../src/model/errors.js';
import type { ObjectEvent } from '../../src/model/event.js';
import type { Network } from '../../src/model/network.js';
import type { NetworkRequest, ServiceChange, ServiceRequest, TenantRequest } from '../../src/model/request.js';
import type { Service } from '../../src/model/service.js';
import type { Tenant } from '../../src/model/tenant.js';
import type { ContainerListener } from '../docker/port.js';
import { Controllers } from './controllers.js';
import type { ControlOptions } from './control-options.js';
import { removeSegment } from './host-segment.js';
import type { Deployment, DrainAnswer, EndpointView, HostHoldings, HostView, NetworkView, Operations, ProviderExplanation, ServiceStatsView, ServiceView, TenantView } from './operations.js';
import { waitAtMost } from './patience.js';
import { notReady } from './state.js';

/** How long an answer waits for the kernel, in milliseconds. */
const settleMs = 3000;

/** How often it is looked whether somebody else changed a router or the host's own network, in milliseconds. */
const lookMs = 2000;

/** How often leftovers are looked for at least, in milliseconds; and in the time after which something is one. */
const [garbageMs, looksForLeftovers] = [15_000, 4] as const;

/**
 * All that netctl decides, put together: users' operations, Docker's calls and Docker's events go
 * in, the store and the kernel are kept in step. It knows ports, no adapter.
 */
export class Control implements Operations {
  private readonly parts: Controllers;
  private readonly timers: NodeJS.Timeout[] = [];
  /** Periodic work that is under way. */
  private readonly periodic = new Set<Promise<void>>();

  constructor(private readonly options: ControlOptions) {
    this.parts = new Controllers(options);
  }

  get pluginAddresses(): AddressPort {
    return this.parts.pluginAddresses;
  }

  get pluginEndpoints(): EndpointPort {
    return this.parts.pluginEndpoints;
  }

  get pluginPublications(): PublicationPort {
    return this.parts.publications;
  }

  /** What Docker says of containers goes here. */
  get containerListener(): ContainerListener {
    return this.parts.containers;
  }

  /** Whether Docker answers, as far as is known. */
  get dockerAnswers(): boolean {
    return this.parts.containers.areCurrent;
  }

  /** How many objects of each kind there are. */
  counts(): Record<'tenant' | 'network' | 'service' | 'endpoint', number> {
    const { tenants, networks, services, endpoints } = this.parts.state;
    return { tenant: tenants.size, network: networks.size, service: services.size, endpoint: endpoints.size };
  }

  /** Loads the store, then begins to keep the kernel in step. Rejects if the store cannot be read. */
  async start(): Promise<void> {
    const { state, hosts, tenants, marks, containers, dockerNetworks, networkNames, publications, routers, hostNetwork, reports, probes, encryption } = this.parts;
    await state.load();
    await hosts.register();
    await tenants.ensureDefault();
    await marks.takeBackAbandoned();
    containers.onConnected(() => dockerNetworks.enqueue('all'));
    containers.onNetworks(() => networkNames.enqueue('all'));
    publications.start();
    await hostNetwork.guard();
    await routers.start();
    hostNetwork.start();
    encryption?.start();
    if (probes) probes.start();
    else await removeSegment(this.options.kernel.routers);
    if (hosts.areShared) {
      reports.start();
      const follow = (): void => void (containers.areCurrent && dockerNetworks.enqueue('all'));
      state.onObjectChange((change) => {
        if (change.kind !== 'network') return;
        follow();
        if (change.after?.deleting) dockerNetworks.enqueue('deletions');
      });
      state.onRead(follow);
    }
    this.every(this.options.verifyMs, () => this.verify());
    this.every(lookMs, () => this.look());
    this.every(Math.min(garbageMs, this.options.reclaimMs / looksForLeftovers), () => this.collectGarbage());
  }

  /** From now on nothing is asked of Docker. To be called while Docker's own calls are still answered: it waits for them. */
  async leaveDocker(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all([...this.periodic, this.parts.dockerNetworks.stop(), this.parts.networkNames.stop()]);
  }

  /** Ends all work of its own. What the kernel holds stays and keeps forwarding. */
  async stop(): Promise<void> {
    await this.leaveDocker();
    const { routers, hostNetwork, publications, reports, probes, encryption, hosts, state } = this.parts;
    await Promise.all([routers.stop(), hostNetwork.stop(), reports.stop(), probes?.stop(), encryption?.stop()]);
    publications.stop();
    hosts.close();
    state.close();
  }

  /** Takes back what crashes left behind. Done every few seconds anyway. */
  async collectGarbage(): Promise<void> {
    await this.parts.garbage.collect();
    await this.parts.pools.collect();
    // Besides naming, it forgets what Docker never finished.
    if (this.parts.containers.areCurrent) this.parts.networkNames.enqueue('all');
  }

  ready(): Promise<void> {
    return this.parts.state.isLoaded ? Promise.resolve() : Promise.reject(notReady());
  }

  async createTenant(request: TenantRequest): Promise<{ created: boolean; tenant: Tenant }> {
    const answer = await this.parts.tenants.create(request);
    await this.settled(request.name);
    return answer;
  }

  deleteTenant(name: string): Promise<void> {
    return this.parts.tenants.delete(name);
  }

  listTenants(tenant?: string): TenantView[] {
    return this.tenantsOf(tenant).map((each) => this.parts.views.tenant(each));
  }

  tenant(name: string): TenantView {
    return this.parts.views.tenant(this.parts.state.requireTenant(name).value);
  }

  async createNetwork(request: NetworkRequest): Promise<{ created: boolean; network: Network }> {
    const answer = await this.parts.networks.create(request);
    await this.settled(request.tenant);
    return answer;
  }

  async deleteNetwork(tenant: string, name: string): Promise<void> {
    await this.parts.networks.delete(tenant, name);
    await this.settled(tenant);
  }

  listNetworks(tenant?: string): Network[] {
    return this.tenantsOf(tenant).flatMap(({ name }) => this.parts.state.networks.of(name).sort(byName));
  }

  *inspectNetworks(tenant?: string): Generator<NetworkView> {
    for (const network of this.listNetworks(tenant)) yield this.parts.views.network(network);
  }

  network(tenant: string, name: string): NetworkView {
    return this.parts.views.network(this.parts.state.requireNetwork(tenant, name).value);
  }

  async createService(request: ServiceRequest): Promise<{ created: boolean; service: Service }> {
    const answer = await this.parts.services.create(request);
    await this.settled(request.tenant);
    return answer;
  }

  async updateService(change: ServiceChange): Promise<Service> {
    const service = await this.parts.services.update(change);
    await this.settled(change.tenant);
    return service;
  }

  async drainService(tenant: string, name: string, container: string): Promise<DrainAnswer> {
    const answer = await this.parts.drains.drain(tenant, name, container);
    await this.settled(tenant);
    return answer;
  }

  async undrainService(tenant: string, name: string, container: string): Promise<DrainAnswer> {
    const answer = await this.parts.drains.undrain(tenant, name, container);
    await this.settled(tenant);
    return answer;
  }

  async deleteService(tenant: string, name: string): Promise<void> {
    await this.parts.services.delete(tenant, name);
    await this.settled(tenant);
  }

  listServices(tenant?: string): ServiceView[] {
    return this.tenantsOf(tenant).flatMap(({ name }) => this.parts.views.services(this.parts.state.services.of(name).sort(byName), this.parts.providers.membership(name)));
  }

  service(tenant: string, name: string): ServiceView {
    const { value } = this.parts.state.requireService(tenant, name);
    const [view] = this.parts.views.services([value], this.parts.providers.membership(tenant));
    if (!view) throw new Error('a service has no view');
    return view;
  }

  async serviceStats(tenant: string, name: string): Promise<ServiceStatsView> {
    const [view] = await this.parts.statistics.read(tenant, [this.parts.state.requireService(tenant, name).value]);
    if (!view) throw new Error('a service has no statistics');
    return view;
  }

  listServiceStats(tenant: string): Promise<ServiceStatsView[]> {
    this.parts.state.requireTenant(tenant);
    return this.parts.statistics.read(tenant, this.parts.state.services.of(tenant).sort(byName));
  }

  explainService(tenant: string, name: string): { service: Service; containers: ProviderExplanation[] } {
    const service = this.parts.state.requireService(tenant, name).value;
    return { service, containers: this.parts.views.explain(service, this.parts.providers.membership(tenant)) };
  }

  listEndpoints(tenant?: string): EndpointView[] {
    const { endpoints } = this.parts.state;
    return this.parts.views.endpoints(tenant === undefined ? endpoints.values() : this.tenantsOf(tenant).flatMap(({ name }) => endpoints.of(name)));
  }

  findEndpoints(text: string): EndpointView[] {
    return this.listEndpoints().filter(({ endpoint, container }) =>
      [endpoint.id, container?.id, container?.name].some((candidate) => candidate?.includes(text)),
    );
  }

  listHosts(): HostView[] {
    return this.parts.hostViews.list();
  }

  host(name: string): HostView {
    return this.parts.hostViews.host(name);
  }

  async rekey(): Promise<void> {
    const { encryption } = this.parts;
    if (!encryption) throw conflict('this host has no key for encrypted connections: there are no other hosts');
    await encryption.rotate();
  }

  removeHost(name: string): Promise<HostHoldings> {
    return this.parts.hostRemoval.remove(name);
  }

  deployment(): Deployment {
    return this.parts.hostViews.deployment();
  }

  examine(): Promise<Finding[]> {
    return this.parts.doctor.examine();
  }

  repair(): Promise<void> {
    return this.parts.doctor.repair();
  }

  /** What happened, in the order in which it happened last. */
  listEvents(): readonly ObjectEvent[] {
    return this.parts.events.list();
  }

  followEvents(listener: (event: ObjectEvent) => void): () => void {
    return this.parts.events.follow(listener);
  }

  /** One, or all by name. */
  private tenantsOf(name: string | undefined): Tenant[] {
    const { state } = this.parts;
    return name === undefined ? state.tenants.values().sort(byName) : [state.requireTenant(name).value];
  }

  /**
   * Waits until the kernel holds what was asked for, so that the user's next command meets it. Not for
   * long: what takes longer, or fails, goes on by itself and shows in the object's status.
   */
  private async settled(tenant: string): Promise<void> {
    await waitAtMost(settleMs, this.parts.synced(tenant));
  }

  /** Finds what somebody else changed in the kernel, without reading all of it. */
  private async look(): Promise<void> {
    await this.parts.hostNetwork.look();
    await this.parts.routers.look();
    this.parts.probes?.look();
    this.parts.encryption?.look();
  }

  /** Compares what is with what should be, in the kernel and in Docker. */
  private async verify(): Promise<void> {
    await this.parts.hosts.verify();
    await this.parts.routers.verifyAll();
    this.parts.hostNetwork.verify();
    this.parts.publications.verify();
    this.parts.probes?.verify();
    if (this.parts.containers.areCurrent) this.parts.dockerNetworks.enqueue('all');
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

function byName(a: { name: string }, b: { name: string }): number {
  return a.name.localeCompare(b.name);
}
