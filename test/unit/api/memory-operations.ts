import { IpAddress } from '../../../src/model/address.js';
import { conflict, inUse, NetctlError, notFound, unavailable } from '../../../src/model/errors.js';
import { defaultTenant, objectKey } from '../../../src/model/names.js';
import type { Finding } from '../../../src/checkup/finding.js';
import type { ObjectEvent } from '../../../src/model/event.js';
import type { Network } from '../../../src/model/network.js';
import type { NetworkRequest, ServiceChange, ServiceRequest, TenantRequest } from '../../../src/model/request.js';
import type { Service } from '../../../src/model/service.js';
import { findContainer } from '../../../src/selectors/find.js';
import { noCounts, type Counts, type ProviderStats } from '../../../src/stats/tally.js';
import type { Tenant } from '../../../src/model/tenant.js';
import { Events } from '../../../daemon/control/events.js';
import type { Deployment, DrainAnswer, EndpointView, HostHoldings, HostView, NetworkView, Operations, ProviderExplanation, ServiceStatsView, ServiceView, TenantView } from '../../../daemon/control/operations.js';

/** What users do, on three maps: enough of the rules that every kind of answer occurs. */
export class MemoryOperations implements Operations {
  readonly tenants = new Map<string, Tenant>([[defaultTenant, { name: defaultTenant }]]);
  readonly networks = new Map<string, Network>();
  readonly services = new Map<string, Service>();
  endpoints: EndpointView[] = [];
  explanations: ProviderExplanation[] = [];
  /** Those of every provider. */
  counts: Counts = noCounts;
  findings: Finding[] = [];
  hosts: HostView[] = [{ name: 'h1', isOwn: true, state: 'ready', version: '1.2.3', endpoints: [] }];
  readonly events = new Events(() => 1_000);
  loaded = true;
  /** Thrown by the next change, whatever it is. */
  failure: unknown;

  ready(): Promise<void> {
    return this.loaded ? Promise.resolve() : Promise.reject(unavailable('netctld is still reading its state: try again in a moment'));
  }

  async createTenant(request: TenantRequest): Promise<{ created: boolean; tenant: Tenant }> {
    await this.#fail();
    const before = this.tenants.get(request.name);
    const tenant = { ...before, ...request };
    this.tenants.set(request.name, tenant);
    return { created: before === undefined, tenant };
  }

  async deleteTenant(name: string): Promise<void> {
    await this.#fail();
    const { networks } = this.tenant(name);
    if (networks > 0) throw inUse(`tenant ${name} has ${networks} networks: delete them first`);
    this.tenants.delete(name);
  }

  listTenants(tenant?: string): TenantView[] {
    return (tenant === undefined ? [...this.tenants.keys()] : [tenant]).map((name) => this.tenant(name));
  }

  tenant(name: string): TenantView {
    const tenant = this.tenants.get(name);
    if (!tenant) throw notFound(`there is no tenant ${name}`);
    return {
      tenant,
      networks: this.#of(name, this.networks).length,
      services: this.#of(name, this.services).length,
      endpoints: this.endpoints.filter(({ endpoint }) => endpoint.tenant === name).length,
    };
  }

  async createNetwork(request: NetworkRequest): Promise<{ created: boolean; network: Network }> {
    await this.#fail();
    this.tenant(request.tenant);
    const key = objectKey(request.tenant, request.name);
    const { vni, encrypted, ...rest } = request;
    const network: Network = { ...rest, ...(encrypted && { encrypted }), vni: vni ?? 1, ...(vni !== undefined && { requestedVni: vni }) };
    const existing = this.networks.get(key);
    if (existing && JSON.stringify(existing) !== JSON.stringify(network)) throw conflict(`network ${key} exists with other settings`);
    this.networks.set(key, network);
    return { created: !existing, network };
  }

  async deleteNetwork(tenant: string, name: string): Promise<void> {
    await this.#fail();
    const { services } = this.network(tenant, name);
    if (services.length > 0) throw inUse(`network ${name} has the services ${services.join(', ')}`);
    this.networks.delete(objectKey(tenant, name));
  }

  listNetworks(tenant?: string): Network[] {
    return this.listTenants(tenant).flatMap((view) => this.#of(view.tenant.name, this.networks));
  }

  inspectNetworks(tenant?: string): Iterable<NetworkView> {
    return this.listNetworks(tenant).map((network) => this.network(network.tenant, network.name));
  }

  network(tenant: string, name: string): NetworkView {
    const network = this.networks.get(objectKey(tenant, name));
    if (!network) throw notFound(`there is no network ${name} in tenant ${tenant}`);
    const services = this.#of(tenant, this.services).filter((service) => service.network === name);
    const endpoints = this.endpoints.filter(({ endpoint }) => endpoint.tenant === tenant && endpoint.network === name);
    return {
      network,
      dockerNetworkId: 'd0c',
      endpoints,
      services: services.map((service) => service.name),
      allocatedCount: services.length + endpoints.length,
      allocated: '10.1.1.1-10.1.1.2',
      available: '10.1.1.3-10.1.1.254',
      allocatedV6: '',
    };
  }

  async createService(request: ServiceRequest): Promise<{ created: boolean; service: Service }> {
    await this.#fail();
    this.network(request.tenant, request.network);
    const key = objectKey(request.tenant, request.name);
    const { ips, ...rest } = request;
    const [ip] = ips;
    if (ip && [...this.services.values()].some((other) => other.name !== request.name && other.addresses.some((address) => address.equals(ip)))) {
      throw new NetctlError('exhausted', `network ${request.network} has no free address`);
    }
    const service: Service = { ...rest, drained: [], addresses: [ip ?? IpAddress.parse('10.1.1.1')], requestedIps: ips };
    const created = !this.services.has(key);
    this.services.set(key, service);
    return { created, service };
  }

  async updateService({ tenant, name, network, ips, ...changes }: ServiceChange): Promise<Service> {
    await this.#fail();
    const { service } = this.service(tenant, name);
    if (network !== undefined && network !== service.network) throw conflict(`service ${name} is on network ${service.network}`);
    const updated: Service = { ...service, ...changes, requestedIps: ips ?? service.requestedIps };
    this.services.set(objectKey(tenant, name), updated);
    return updated;
  }

  drainService(tenant: string, name: string, container: string): Promise<DrainAnswer> {
    return this.#drain(tenant, name, container, true);
  }

  undrainService(tenant: string, name: string, container: string): Promise<DrainAnswer> {
    return this.#drain(tenant, name, container, false);
  }

  async #drain(tenant: string, name: string, text: string, drained: boolean): Promise<DrainAnswer> {
    await this.#fail();
    const { service } = this.service(tenant, name);
    const container = findContainer(text, this.endpoints.flatMap((view) => view.container ?? []));
    const changed = service.drained.includes(container.id) !== drained;
    this.services.set(objectKey(tenant, name), { ...service, drained: drained ? [container.id] : [] });
    return { service, container, changed };
  }

  async deleteService(tenant: string, name: string): Promise<void> {
    await this.#fail();
    this.service(tenant, name);
    this.services.delete(objectKey(tenant, name));
  }

  listServices(tenant?: string): ServiceView[] {
    return this.listTenants(tenant).flatMap((view) => this.#of(view.tenant.name, this.services).map(({ name }) => this.service(view.tenant.name, name)));
  }

  service(tenant: string, name: string): ServiceView {
    const service = this.services.get(objectKey(tenant, name));
    if (!service) throw notFound(`there is no service ${name} in tenant ${tenant}`);
    return { service, numProviders: this.endpoints.length, providers: this.endpoints };
  }

  serviceStats(tenant: string, name: string): Promise<ServiceStatsView> {
    const { service } = this.service(tenant, name);
    const providers: ProviderStats[] = this.endpoints.map(({ endpoint }) => ({ state: 'serving', addresses: endpoint.addresses, endpoint, ...this.counts }));
    return Promise.resolve({ service, at: 1_000, ports: service.ports.map((port) => ({ port, providers })), containerOf: () => this.endpoints[0]?.container });
  }

  listServiceStats(tenant: string): Promise<ServiceStatsView[]> {
    this.tenant(tenant);
    return Promise.all(this.#of(tenant, this.services).map(({ name }) => this.serviceStats(tenant, name)));
  }

  explainService(tenant: string, name: string): { service: Service; containers: ProviderExplanation[] } {
    return { service: this.service(tenant, name).service, containers: this.explanations };
  }

  listEndpoints(tenant?: string): EndpointView[] {
    const owners = this.listTenants(tenant).map((view) => view.tenant.name);
    return this.endpoints.filter(({ endpoint }) => owners.includes(endpoint.tenant));
  }

  findEndpoints(text: string): EndpointView[] {
    return this.endpoints.filter(({ endpoint, container }) => [endpoint.id, container?.id, container?.name].some((word) => word?.includes(text)));
  }

  listHosts(): HostView[] {
    return this.hosts;
  }

  host(name: string): HostView {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (!host) throw notFound(`there is no host ${name}`);
    return host;
  }

  async rekey(): Promise<void> {
    await this.#fail();
    throw conflict('this host has no key for encrypted connections: there are no other hosts');
  }

  async removeHost(name: string): Promise<HostHoldings> {
    await this.#fail();
    const { state, endpoints } = this.host(name);
    if (state !== 'away') throw inUse(`host ${name} is there`);
    this.hosts = this.hosts.filter((host) => host.name !== name);
    return { endpoints: endpoints.length, addresses: endpoints.length, ports: 0 };
  }

  deployment(): Deployment {
    return { store: 'etcd://10.0.0.1:2379', ...(this.loaded && { hosts: { present: this.hosts.filter(({ state }) => state !== 'away').length, known: this.hosts.length } }) };
  }

  examine(): Promise<Finding[]> {
    return Promise.resolve(this.findings);
  }

  repair(): Promise<void> {
    this.findings = this.findings.map(({ check, message }) => ({ check, status: 'ok', message }));
    return Promise.resolve();
  }

  listEvents(): readonly ObjectEvent[] {
    return this.events.list();
  }

  followEvents(listener: (event: ObjectEvent) => void): () => void {
    return this.events.follow(listener);
  }

  #of<T extends { tenant: string }>(tenant: string, objects: ReadonlyMap<string, T>): T[] {
    return [...objects.values()].filter((object) => object.tenant === tenant);
  }

  #fail(): Promise<void> {
    const { failure } = this;
    this.failure = undefined;
    // Whatever was thrown, an Error or not, reaches the API.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  }
}
