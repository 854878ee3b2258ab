import { bridgeName } from '../../src/fabric/names.js';
import type { FabricInput } from '../../src/fabric/state.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { subnetsOf, type Network } from '../../src/model/network.js';
import type { Service } from '../../src/model/service.js';
import type { NatInput, NatProvider } from '../../src/nat/input.js';
import type { ProviderChoice } from '../../src/selectors/provider.js';

/** What a tenant has on this host, as far as its router is concerned. */
export interface TenantOnHost {
  readonly networks: readonly Network[];
  readonly services: readonly Service[];
  /** Those on this host. */
  readonly endpoints: readonly Endpoint[];
}

/** Endpoints have links from Join to Leave, and only then. */
export function fabricInput({ networks, services, endpoints }: TenantOnHost): FabricInput {
  const vnis = new Map(networks.map((network) => [network.name, network.vni]));
  return {
    networks: networks.map((network) => ({ vni: network.vni, subnets: subnetsOf(network) })),
    endpoints: endpoints.flatMap(({ id, network, addresses, mac, sandboxKey }) => {
      const vni = vnis.get(network);
      return sandboxKey === undefined || vni === undefined ? [] : [{ id, vni, addresses, mac }];
    }),
    serviceAddresses: services.flatMap((service) => service.addresses),
  };
}

/** @param providersOf those that get a service's new connections */
export function natInput({ networks, services }: TenantOnHost, providersOf: (service: Service) => readonly NatProvider[]): NatInput {
  return {
    networks: networks.map(({ vni, ipv4, ipv6 }) => ({ bridge: bridgeName(vni), ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) })),
    services: services.map((service) => ({
      addresses: service.addresses,
      ports: service.ports,
      providers: providersOf(service),
      algorithm: service.algorithm,
      weights: service.weights.map(({ percent }) => percent),
    })),
  };
}

/** The provider that gets new connections, if the container is one. */
export function natProvider(choice: ProviderChoice): NatProvider[] {
  if (!choice.provider) return [];
  const { endpoint, aliases, weight } = choice;
  return [{ addresses: endpoint.addresses, aliases, ...(weight !== undefined && { group: weight }) }];
}
