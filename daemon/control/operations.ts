import type { IpAddress } from '../../src/model/address.js';
import type { Finding } from '../../src/checkup/finding.js';
import type { Container } from '../../src/model/container.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { ObjectEvent } from '../../src/model/event.js';
import type { Network } from '../../src/model/network.js';
import type { NetworkRequest, ServiceChange, ServiceRequest, TenantRequest } from '../../src/model/request.js';
import type { Protocol, Service, Weight } from '../../src/model/service.js';
import type { Tenant } from '../../src/model/tenant.js';
import type { PortStats } from '../../src/stats/tally.js';

/** A port of a container as it is reached on its host. */
export interface PublishedPort {
  readonly protocol: Protocol;
  /** The container's. */
  readonly port: number;
  /** `0.0.0.0` and `::` are all addresses of their family. */
  readonly hostIp: IpAddress;
  readonly hostPort: number;
}

export interface EndpointView {
  readonly endpoint: Endpoint;
  /** For each port that is published one entry of each family. */
  readonly ports: readonly PublishedPort[];
  /** Why not all of it is as it should be. */
  readonly error?: string;
  /** Absent while Docker has not said which container it is. */
  readonly container?: Container;
}

export interface TenantView {
  readonly tenant: Tenant;
  readonly networks: number;
  readonly services: number;
  readonly endpoints: number;
  /** Why the kernel does not hold what is desired; absent when it does. */
  readonly error?: string;
}

export interface NetworkView {
  readonly network: Network;
  /** Docker's id of the network on this host, once Docker made it. */
  readonly dockerNetworkId?: string;
  readonly endpoints: readonly EndpointView[];
  readonly services: readonly string[];
  /** Addresses held by endpoints and services. */
  readonly allocatedCount: number;
  /** Ranges of IPv4 addresses, as Contiv prints them: `10.1.1.1, 10.1.1.5-10.1.1.7`; empty if none. */
  readonly allocated: string;
  readonly available: string;
  readonly allocatedV6: string;
}

export interface ServiceView {
  readonly service: Service;
  /** Found out when asked for, as the providers. */
  readonly numProviders: number;
  readonly providers: readonly EndpointView[];
  readonly error?: string | undefined;
}

export interface ProviderExplanation {
  readonly container: Container;
  /** The name of the host it is on. */
  readonly host: string;
  readonly provider: boolean;
  /** The endpoint that gets the connections; present for providers. */
  readonly endpoint?: Endpoint;
  /** The weight that the provider counts for; absent: it shares what the weights leave. */
  readonly weight?: Weight;
  readonly reason: string;
}

/** What a service has had of traffic. */
export interface ServiceStatsView {
  readonly service: Service;
  /** When it was read, milliseconds since the epoch. */
  readonly at: number;
  readonly ports: readonly PortStats[];
  /** The container of a provider, as far as it is known. */
  readonly containerOf: (endpoint: Endpoint) => Container | undefined;
}

/** What became of a container that a user drains, or no longer. */
export interface DrainAnswer {
  readonly service: Service;
  /** The name is empty if Docker does not know the container. */
  readonly container: Pick<Container, 'id' | 'name'>;
  /** Whether it was otherwise before. */
  readonly changed: boolean;
}

/** `not ready`: it is there, but something keeps it from being of use; `away`: nothing is heard of it. */
export type HostState = 'ready' | 'not ready' | 'away';

/** A host as the one that is asked sees it. */
export interface HostView {
  readonly name: string;
  /** Whether it is the one that is asked. */
  readonly isOwn: boolean;
  readonly state: HostState;
  /** Why it is not ready, or what else is wrong. */
  readonly reason?: string;
  /** Since when it is in that state, milliseconds since the epoch; absent: nobody knows. */
  readonly since?: number;
  /** Of its netctld. */
  readonly version: string;
  /** Absent on a single host, as all that follows from it. */
  readonly underlay?: IpAddress;
  /** Of its link there, in bytes. */
  readonly underlayMtu?: number;
  readonly endpoints: readonly EndpointView[];
  /** How long a small packet takes there and back, in milliseconds; absent for the one that is asked, and as long as it is not known. */
  readonly roundTripMs?: number;
  /** The longest packet of a container's that gets there, in bytes; absent as above. */
  readonly pathMtu?: number;
}

/** What a host held that was taken back. */
export interface HostHoldings {
  readonly endpoints: number;
  readonly addresses: number;
  /** Published ones. */
  readonly ports: number;
}

/** Where netctld keeps its state, and for how many hosts. */
export interface Deployment {
  /** `embedded`, or `etcd://` and its endpoints. */
  readonly store: string;
  /** Absent while the state is not loaded. */
  readonly hosts?: { readonly present: number; readonly known: number };
}

/**
 * What users do, whichever API they speak to. Every refusal is a NetctlError and changes nothing.
 * `create` of what exists already answers `created: false` if it asks for the same, updates what can
 * be changed, and refuses (`conflict`) what cannot.
 */
export interface Operations {
  /** Rejects with `unavailable` while the state is not loaded. */
  ready(): Promise<void>;

  createTenant(request: TenantRequest): Promise<{ created: boolean; tenant: Tenant }>;
  deleteTenant(name: string): Promise<void>;
  /** Here and below of one tenant, or of all: `not-found` if there is no such tenant. Sorted by name; endpoints by address. */
  listTenants(tenant?: string): TenantView[];
  tenant(name: string): TenantView;

  createNetwork(request: NetworkRequest): Promise<{ created: boolean; network: Network }>;
  deleteNetwork(tenant: string, name: string): Promise<void>;
  listNetworks(tenant?: string): Network[];
  /** The same, of which each is looked at when it is asked for. */
  inspectNetworks(tenant?: string): Iterable<NetworkView>;
  network(tenant: string, name: string): NetworkView;

  createService(request: ServiceRequest): Promise<{ created: boolean; service: Service }>;
  /** Changes what is given, and nothing else. */
  updateService(change: ServiceChange): Promise<Service>;
  deleteService(tenant: string, name: string): Promise<void>;
  /** Takes a container, named as Docker's commands take it, out of the service: no new connections, open ones live. */
  drainService(tenant: string, name: string, container: string): Promise<DrainAnswer>;
  undrainService(tenant: string, name: string, container: string): Promise<DrainAnswer>;
  listServices(tenant?: string): ServiceView[];
  service(tenant: string, name: string): ServiceView;
  /** What the kernel has counted of one service, or of all of a tenant. */
  serviceStats(tenant: string, name: string): Promise<ServiceStatsView>;
  listServiceStats(tenant: string): Promise<ServiceStatsView[]>;
  explainService(tenant: string, name: string): { service: Service; containers: ProviderExplanation[] };

  listEndpoints(tenant?: string): EndpointView[];
  /** Those whose endpoint id, container id or container name contains the text, as Contiv's inspect has it. */
  findEndpoints(text: string): EndpointView[];

  /** By name; a single host lists itself. */
  listHosts(): HostView[];
  host(name: string): HostView;
  /** Takes back all that a host holds that is away for good. */
  removeHost(name: string): Promise<HostHoldings>;
  /** Makes the asked host another key for encrypted connections, which takes the place of the present one when all hosts that are there can send to it. */
  rekey(): Promise<void>;
  /** Answers also while the state is not loaded. */
  deployment(): Deployment;

  /** Looks at everything that netctl needs and holds. Changes nothing. */
  examine(): Promise<Finding[]>;
  /** Reads all that netctl holds and repairs what differs. */
  repair(): Promise<void>;

  /** What happened since netctld started, in the order in which it happened last; the oldest are forgotten. */
  listEvents(): readonly ObjectEvent[];
  /** Tells of every further event until the returned function is called. */
  followEvents(listener: (event: ObjectEvent) => void): () => void;
}
