import type { Container } from '../../src/model/container.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { portName } from '../../src/fabric/names.js';
import { formatLabels } from '../../src/selectors/format.js';
import { formatWeight } from '../../src/selectors/weights.js';
import { sum, type Counts } from '../../src/stats/tally.js';
import type { DrainObject, EndpointOper, Explanation, HostOper, NetworkInspect, ProviderStatsObject, ServiceInspect, ServiceStatsObject, StatsCounts, TenantInspect } from '../../src/wire/objects.js';
import { formatPort } from '../../src/wire/ports.js';
import type { DrainAnswer, EndpointView, HostView, NetworkView, ProviderExplanation, ServiceStatsView, ServiceView, TenantView } from '../control/operations.js';

/** What was observed, in the words of Contiv's `Oper`. What is not known is left out. */

export function tenantOper({ networks, services, endpoints, error }: TenantView): TenantInspect['Oper'] {
  return { totalNetworks: networks, totalServicelbs: services, totalEndpoints: endpoints, error: said(error) };
}

export function networkOper(view: NetworkView): NetworkInspect['Oper'] {
  const { network } = view;
  return {
    pktTag: network.vni,
    networkTag: said(network.tag),
    dockerNetworkID: said(view.dockerNetworkId),
    numEndpoints: view.endpoints.length,
    allocatedAddressesCount: view.allocatedCount,
    allocatedIPAddresses: view.allocated,
    availableIPAddresses: view.available,
    allocatedIPv6Addresses: said(view.allocatedV6),
    endpoints: view.endpoints.map((endpoint) => endpointOper(endpoint)),
    services: [...view.services],
  };
}

/** What there is one of. */
export function briefNetworkOper({ network, dockerNetworkId, endpoints, allocatedCount }: NetworkView): NetworkInspect['Oper'] {
  return { pktTag: network.vni, networkTag: said(network.tag), dockerNetworkID: said(dockerNetworkId), numEndpoints: endpoints.length, allocatedAddressesCount: allocatedCount };
}

export function serviceOper(view: ServiceView): ServiceInspect['Oper'] {
  return { ...briefServiceOper(view), providers: view.providers.map((provider) => endpointOper(provider, view.service.name)) };
}

/** Without the providers: to tell of each would be most of the work. */
export function briefServiceOper({ service, numProviders, error }: ServiceView): ServiceInspect['Oper'] {
  const { addresses, drained } = service;
  return {
    serviceVip: addresses[0]?.toString() ?? '',
    serviceVip6: addresses.find(({ family }) => family === 6)?.toString(),
    numProviders,
    drained: drained.length > 0 ? [...drained] : undefined,
    error: said(error),
  };
}

/** @param serviceName the service as whose provider the endpoint is listed. */
export function endpointOper({ endpoint, container, ports, error }: EndpointView, serviceName?: string): EndpointOper {
  const { id, tenant, network, addresses, mac, host, sandboxKey } = endpoint;
  return {
    containerID: said(container?.id),
    containerName: said(container?.name),
    endpointID: id,
    homingHost: said(host),
    intfName: sandboxKey === undefined ? undefined : portName(id),
    ipAddress: addresses.map(String),
    labels: container && formatLabels(container.labels),
    macAddress: mac.toString(),
    network: `${network}.${tenant}`,
    tenantName: tenant,
    state: container && stateOf(container),
    ports: ports.length > 0 ? ports.map(({ port, protocol, hostIp, hostPort }) => ({ port, protocol, hostIP: hostIp.toString(), hostPort })) : undefined,
    error: said(error),
    serviceName,
  };
}

export function explanationOf({ container, host, provider, endpoint, weight, reason }: ProviderExplanation): Explanation {
  return {
    containerID: container.id,
    containerName: container.name,
    homingHost: host,
    provider,
    ipAddress: endpoint?.addresses.join(', '),
    network: endpoint?.network,
    weight: weight && formatWeight(weight),
    reason,
  };
}

export function hostOper({ name, isOwn, state, reason, since, version, underlay, underlayMtu, endpoints, roundTripMs, pathMtu }: HostView): HostOper {
  return {
    hostName: name,
    state,
    reason: said(reason),
    since: since === undefined ? undefined : new Date(since).toISOString(),
    version,
    asked: isOwn,
    numEndpoints: endpoints.length,
    underlayAddress: underlay?.toString(),
    underlayMTU: underlayMtu,
    // Shorter ones are not to be told from each other: it is a busy processor that makes them differ.
    roundTripMs: roundTripMs === undefined ? undefined : Number(roundTripMs.toFixed(3)),
    pathMTU: pathMtu,
  };
}

/** @param drained what was asked for. */
export function drainOf({ service, container, changed }: DrainAnswer, drained: boolean): DrainObject {
  const { tenant, name } = service;
  return { tenantName: tenant, serviceName: name, containerID: container.id, containerName: said(container.name), drained, changed };
}

export function statsOf({ service, at, ports, containerOf }: ServiceStatsView): ServiceStatsObject {
  const named = (endpoint: Endpoint | undefined): Partial<ProviderStatsObject> => {
    const container = endpoint && containerOf(endpoint);
    return { containerID: said(container?.id), containerName: said(container?.name) };
  };
  return {
    tenantName: service.tenant,
    serviceName: service.name,
    time: new Date(at).toISOString(),
    ports: ports.map(({ port, providers }) => ({
      port: formatPort(port),
      providers: providers.map((provider) => ({ ...named(provider.endpoint), ipAddress: provider.addresses.map(String), state: provider.state, ...countsOf(provider) })),
      total: countsOf(sum(providers)),
    })),
    total: countsOf(sum(ports.flatMap(({ providers }) => providers))),
  };
}

function countsOf({ connections, open, received, sent }: Counts): StatsCounts {
  return { connections, openConnections: open, receivedPackets: received.packets, receivedBytes: received.bytes, sentPackets: sent.packets, sentBytes: sent.bytes };
}

/** As Docker's own `ps` words it: `running (healthy)`, `running (stopping)`. */
function stateOf({ state, health, stopping }: Container): string {
  const remarks = [...(health === 'none' ? [] : [health]), ...(stopping ? ['stopping'] : [])];
  return remarks.length === 0 ? state : `${state} (${remarks.join(', ')})`;
}

/** What says nothing is left out of the answer, as Contiv's `omitempty` has it: an empty text, like a field that is undefined. */
function said(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
