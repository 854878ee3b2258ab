import { bridgeName } from '../../src/fabric/names.js';
import type { FabricInput, FabricOverlay } from '../../src/fabric/state.js';
import { endAddresses, type UplinkLink } from '../../src/fabric/uplink.js';
import { familiesOf } from '../../src/host/publish.js';
import type { IpAddress } from '../../src/model/address.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { subnetsOf, type Network } from '../../src/model/network.js';
import type { Service } from '../../src/model/service.js';
import type { NatInput, NatNetwork, NatProvider, NatService } from '../../src/nat/input.js';
import type { ProviderChoice } from '../../src/selectors/provider.js';
import type { ContainerEnd } from './container-ends.js';
import type { OverlayOfHosts } from './hosts.js';
import type { Candidacy } from './providers.js';
import { remembered } from './remembered.js';
import { isOutward } from './uplinks.js';

/** What a tenant has on this host, as far as its router is concerned. */
export interface TenantOnHost {
  /** This host's name. */
  readonly host: string;
  readonly networks: readonly Network[];
  readonly services: readonly Service[];
  /** Those on this host. */
  readonly endpoints: readonly Endpoint[];
  /** Absent: there are no other hosts. */
  readonly overlay?: OverlayOfTenant;
  /** Absent: its router leads nowhere else. */
  readonly uplink?: UplinkLink;
  /** Whether the host itself reaches the tenant. */
  readonly hostAccess: boolean;
}

/** How the tenant's segments go on at other hosts. */
export interface OverlayOfTenant extends OverlayOfHosts {
  /** Those on other hosts, whether these are there or away: their containers may well run on. */
  readonly endpoints: readonly Endpoint[];
}

/** Endpoints have links from Join to Leave, and only then. @param answered the networks that need bridge netfilter */
export function fabricInput({ networks, endpoints, uplink, overlay }: TenantOnHost, serviceAddresses: readonly IpAddress[], answered: ReadonlySet<string>): FabricInput {
  const vnis = new Map(networks.map((network) => [network.name, network.vni]));
  return {
    networks: networks.map((network) => ({ vni: network.vni, subnets: subnetsOf(network), ...(network.encrypted ? { encrypted: true } : {}), ...(answered.has(network.name) ? { netfilter: true } : {}) })),
    endpoints: endpoints.flatMap(({ id, network, addresses, mac, sandboxKey }) => {
      const vni = vnis.get(network);
      return sandboxKey === undefined || vni === undefined ? [] : [{ id, vni, addresses, mac }];
    }),
    serviceAddresses,
    ...(uplink ? { uplink } : {}),
    ...(overlay ? { overlay: fabricOverlay(overlay, networks) } : {}),
  };
}

/** An endpoint on another host is known before it is joined, so that nobody has to ask for it when it sends. */
function fabricOverlay({ local, port, mtu, encrypted, underlays, tunnels, endpoints }: OverlayOfTenant, networks: readonly Network[]): FabricOverlay {
  const byName = new Map(networks.map((network) => [network.name, network]));
  const remotes = endpoints.flatMap(({ network: name, addresses, mac, host }) => {
    const network = byName.get(name);
    const underlay = (network?.encrypted ? tunnels : underlays).get(host);
    return network === undefined || underlay === undefined ? [] : [{ vni: network.vni, addresses, mac, underlay }];
  });
  return { local, port, mtu, encrypted, remotes };
}

/** What the links of containers are inside them. @param isAlive whether Docker says that the endpoint's container runs: then it has put the link there. */
export function containerEnds({ networks, endpoints }: TenantOnHost, isAlive: (endpointId: string) => boolean): Map<string, ContainerEnd> {
  const byName = new Map(networks.map((network) => [network.name, subnetsOf(network)]));
  return new Map(endpoints.flatMap(({ id, network, addresses, mac, sandboxKey }) => {
    const subnets = byName.get(network) ?? [];
    if (sandboxKey === undefined || !isAlive(id)) return [];
    const inside = addresses.flatMap((address) => subnets.filter(({ prefix }) => prefix.contains(address)).map(({ prefix }) => ({ address, length: prefix.length })));
    const gateways = subnets.flatMap(({ gateway }) => (gateway && addresses.some(({ family }) => family === gateway.family) ? [gateway] : []));
    return [[id, { sandboxKey, link: { mac, addresses: inside, gateways } }]];
  }));
}

/** @param services as {@link natServices} makes them, and those of published ports. */
export function natInput(tenant: TenantOnHost, services: readonly NatService[]): NatInput {
  return { networks: tenant.networks.map((network) => natNetwork(network, tenant)), services };
}

/** Makes the services as the router of this host balances them: those that share their choices share the lists of their providers, too. */
export function natServices(host: string): (candidacy: Candidacy) => NatService {
  const providers = new Map<Service['prefer'], (choices: readonly ProviderChoice[]) => readonly NatProvider[]>();
  const providersOf = (prefer: Service['prefer']): ((choices: readonly ProviderChoice[]) => readonly NatProvider[]) => {
    const known = providers.get(prefer) ?? remembered((choices) => natProviders({ prefer }, choices, host));
    providers.set(prefer, known);
    return known;
  };
  const drainingOf = remembered((choices: readonly ProviderChoice[]) => choices.flatMap(drainingProvider));
  return ({ service, choices }) => ({
    addresses: service.addresses,
    ports: service.ports,
    providers: providersOf(service.prefer)(choices),
    draining: drainingOf(choices),
    algorithm: service.algorithm,
    weights: service.weights.map(({ percent }) => percent),
  });
}

function natNetwork(network: Network, { uplink, hostAccess }: TenantOnHost): NatNetwork {
  const { vni, ipv4, ipv6, internal } = network;
  const outward = uplink !== undefined && isOutward(network);
  const fromHost = uplink !== undefined && hostAccess && !internal;
  return { bridge: bridgeName(vni), ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}), outward, fromHost };
}

/** A published port is a service of the router's own address on the uplink, with one provider: so the host leads it there, whatever the tenant's subnets are. */
export function publishedServices({ networks, endpoints, uplink }: TenantOnHost): NatService[] {
  if (!uplink) return [];
  const byName = new Map(networks.map((network) => [network.name, network]));
  return endpoints.flatMap((endpoint) => {
    const network = byName.get(endpoint.network);
    if (!network || endpoint.sandboxKey === undefined) return [];
    return (endpoint.publications ?? []).map((publication) => ({
      addresses: endAddresses(uplink.router, new Set(familiesOf(publication, endpoint, network))),
      ports: [{ protocol: publication.protocol, port: publication.routerPort, targetPort: publication.port }],
      providers: [{ addresses: endpoint.addresses }],
    }));
  });
}

/** The service's providers as this host's router is to take them: all of its clients are on this host. */
export function natProviders({ prefer }: Pick<Service, 'prefer'>, choices: readonly ProviderChoice[], host: string): NatProvider[] {
  return choices.flatMap((choice) => {
    if (!choice.provider) return [];
    const { endpoint, aliases, weight } = choice;
    const preferred = prefer === 'local' && endpoint.host === host;
    return [{ addresses: endpoint.addresses, aliases, ...(weight !== undefined && { group: weight }), ...(preferred && { preferred }) }];
  });
}

/** The provider to which open connections live on: what they carry is counted. */
function drainingProvider(choice: ProviderChoice): NatProvider[] {
  return !choice.provider && choice.draining && choice.endpoint ? [{ addresses: choice.endpoint.addresses }] : [];
}
