import { formatAllocated, formatAvailable } from '../../src/ipam/ranges.js';
import { familiesOf, hostAddresses } from '../../src/host/publish.js';
import { isInUse } from '../../src/model/allocation.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { keys } from '../../src/model/keys.js';
import type { Network } from '../../src/model/network.js';
import type { Service, Weight } from '../../src/model/service.js';
import type { Tenant } from '../../src/model/tenant.js';
import type { ProviderChoice } from '../../src/selectors/provider.js';
import type { AllContainers } from './all-containers.js';
import type { EndpointView, NetworkView, ProviderExplanation, PublishedPort, ServiceView, TenantView } from './operations.js';
import { passedOver } from './passed-over.js';
import { byAddress, type Membership, type Providers } from './providers.js';
import type { State } from './state.js';

/** What users see: objects together with what was observed of them. */
export class Views {
  /** @param errors why a tenant's router or the host does not hold what is desired, and why an endpoint's ports are not its own, if so */
  constructor(
    private readonly state: State,
    private readonly containers: Pick<AllContainers, 'ofEndpoint'>,
    private readonly providers: Providers,
    private readonly host: string,
    private readonly errors: { readonly ofTenant: (tenant: string) => string | undefined; readonly ofEndpoint: (id: string) => string | undefined },
  ) {}

  tenant(tenant: Tenant): TenantView {
    const { networks, services, endpoints } = this.state;
    return {
      tenant,
      networks: networks.of(tenant.name).length,
      services: services.of(tenant.name).length,
      endpoints: endpoints.of(tenant.name).length,
      ...this.error(tenant.name),
    };
  }

  network(network: Network): NetworkView {
    const { tenant, name } = network;
    const [ipv4, ipv6] = [this.state.allocations.pool(network, 4), this.state.allocations.pool(network, 6)];
    const held = this.state.allocations.of(tenant, name).filter(({ owner }) => isInUse(owner));
    const binding = this.state.bindingOf(this.host, tenant, name);
    return {
      network,
      ...(binding ? { dockerNetworkId: binding.dockerNetworkId } : {}),
      endpoints: this.endpoints(this.state.endpoints.of(tenant).filter((endpoint) => endpoint.network === name)),
      services: this.state.services.of(tenant).filter((service) => service.network === name).map((service) => service.name).sort(),
      allocatedCount: held.length,
      allocated: ipv4 ? formatAllocated(ipv4) : '',
      available: ipv4 ? formatAvailable(ipv4) : '',
      allocatedV6: ipv6 ? formatAllocated(ipv6) : '',
    };
  }

  /** The services of one tenant. What is to be seen of each is looked for when it is asked for: lists are long, and many ask for numbers only. */
  services(services: readonly Service[], membership: Membership): ServiceView[] {
    const candidates = (service: Service): readonly ProviderChoice[] => this.providers.candidates(service, membership);
    const view = (endpoints: readonly Endpoint[]): EndpointView[] => this.endpoints(endpoints);
    const finder = { candidates, view, error: this.errors.ofTenant };
    return services.map((service) => new FoundService(service, finder));
  }

  explain(service: Service, membership: Membership): ProviderExplanation[] {
    const chosen = this.providers.choose(service, membership);
    const remark = passedOver(service, chosen.map(({ choice }) => choice), this.host);
    return chosen
      .map(({ member: { container, host }, choice }) => ({
        container,
        host,
        provider: choice.provider,
        ...(choice.provider ? { endpoint: choice.endpoint } : {}),
        ...weightFor(service, choice),
        reason: `${choice.reason}${remark(choice)}`,
      }))
      .sort((a, b) => a.container.name.localeCompare(b.container.name) || a.host.localeCompare(b.host));
  }

  endpoints(endpoints: readonly Endpoint[]): EndpointView[] {
    return endpoints.toSorted(byAddress).map((endpoint) => {
      const container = this.containers.ofEndpoint(endpoint.id);
      const error = this.errors.ofEndpoint(endpoint.id);
      return { endpoint, ports: this.ports(endpoint), ...(container ? { container } : {}), ...(error === undefined ? {} : { error }) };
    });
  }

  private ports(endpoint: Endpoint): PublishedPort[] {
    const network = this.state.networks.get(keys.network(endpoint.tenant, endpoint.network))?.value;
    return (endpoint.publications ?? []).flatMap((publication) => {
      const { protocol, port, hostIp, hostPort } = publication;
      const families = network ? familiesOf(publication, endpoint, network) : [];
      return hostAddresses(hostIp, families).map((address) => ({ protocol, port, hostIp: address, hostPort }));
    });
  }

  private error(tenant: string): { error?: string } {
    const error = this.errors.ofTenant(tenant);
    return error === undefined ? {} : { error };
  }
}

function weightFor({ weights }: Service, choice: ProviderChoice): { weight?: Weight } {
  const weight = choice.provider && choice.weight !== undefined ? weights[choice.weight] : undefined;
  return weight ? { weight } : {};
}

/** How a service's state is found out. */
interface Finder {
  readonly candidates: (service: Service) => readonly ProviderChoice[];
  readonly view: (endpoints: readonly Endpoint[]) => EndpointView[];
  readonly error: (tenant: string) => string | undefined;
}

/** A class: ten thousand objects with accessors of their own take 12 ms to make, and these less than one. */
class FoundService implements ServiceView {
  constructor(
    readonly service: Service,
    private readonly finder: Finder,
  ) {}

  get numProviders(): number {
    return this.finder.candidates(this.service).filter(({ provider }) => provider).length;
  }

  get providers(): EndpointView[] {
    return this.finder.view(this.finder.candidates(this.service).flatMap((choice) => (choice.provider ? [choice.endpoint] : [])));
  }

  get error(): string | undefined {
    return this.finder.error(this.service.tenant);
  }
}
