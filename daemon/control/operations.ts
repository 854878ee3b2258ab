import type { Container } from '../../src/model/container.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { Network } from '../../src/model/network.js';
import type { NetworkRequest, ServiceRequest } from '../../src/model/request.js';
import type { Service } from '../../src/model/service.js';
import type { Tenant } from '../../src/model/tenant.js';

export interface EndpointView {
  readonly endpoint: Endpoint;
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
  readonly providers: readonly EndpointView[];
  readonly error?: string;
}

export interface ProviderExplanation {
  readonly container: Container;
  readonly provider: boolean;
  /** The endpoint that gets the connections; present for providers. */
  readonly endpoint?: Endpoint;
  readonly reason: string;
}

/**
 * What users do, whichever API they speak to. Every refusal is a NetctlError and changes nothing.
 * `create` of what exists already answers `created: false` if it asks for the same, updates what can
 * be changed, and refuses (`conflict`) what cannot.
 */
export interface Operations {
  /** Rejects with `unavailable` while the state is not loaded. */
  ready(): Promise<void>;

  createTenant(name: string): Promise<{ created: boolean }>;
  deleteTenant(name: string): Promise<void>;
  listTenants(): TenantView[];
  tenant(name: string): TenantView;

  createNetwork(request: NetworkRequest): Promise<{ created: boolean; network: Network }>;
  deleteNetwork(tenant: string, name: string): Promise<void>;
  listNetworks(): Network[];
  network(tenant: string, name: string): NetworkView;

  createService(request: ServiceRequest): Promise<{ created: boolean; service: Service }>;
  deleteService(tenant: string, name: string): Promise<void>;
  listServices(): ServiceView[];
  service(tenant: string, name: string): ServiceView;
  explainService(tenant: string, name: string): { service: Service; containers: ProviderExplanation[] };

  listEndpoints(): EndpointView[];
  /** Those whose endpoint id, container id or container name contains the text, as Contiv's inspect has it. */
  findEndpoints(text: string): EndpointView[];
}
