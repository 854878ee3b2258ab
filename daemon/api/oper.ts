import type { z } from 'zod';
import type { Container } from '../../src/model/container.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { portName } from '../../src/fabric/names.js';
import { formatLabels } from '../../src/selectors/format.js';
import { formatWeight } from '../../src/selectors/weights.js';
import { sum, type Counts } from '../../src/stats/tally.js';
import type { DrainObject, EndpointOper, Explanation, HostOper, networkInspect, ProviderStatsObject, serviceInspect, ServiceStatsObject, StatsCounts, tenantInspect } from '../../src/wire/objects.js';
import { formatPort } from '../../src/wire/ports.js';
import type { DrainAnswer, EndpointView, HostView, NetworkView, ProviderExplanation, ServiceStatsView, ServiceView, TenantView } from '../control/operations.js';

/** What was observed, in the words of Contiv's `Oper`. What is not known is left out. */

export function tenantOper({ networks, services, endpoints, error }: TenantView): z.infer<typeof tenantInspect>['Oper'] {
  return { totalNetworks: networks, totalServicelbs: services, totalEndpoints: endpoints, ...present({ error }) };
}

export function networkOper(view: NetworkView): z.infer<typeof networkInspect>['Oper'] {
  const { network } = view;
  return {
    pktTag: network.vni,
    numEndpoints: view.endpoints.length,
    allocatedAddressesCount: view.allocatedCount,
    allocatedIPAddresses: view.allocated,
    availableIPAddresses: view.available,
    endpoints: view.endpoints.map((endpoint) => endpointOper(endpoint)),
    services: [...view.services],
    ...present({ networkTag: network.tag, dockerNetworkID: view.dockerNetworkId, allocatedIPv6Addresses: view.allocatedV6 }),
  };
}

export function serviceOper({ service, providers, error }: ServiceView): z.infer<typeof serviceInspect>['Oper'] {
  return {
    serviceVip: service.addresses[0]?.toString() ?? '',
    numProviders: providers.length,
    providers: providers.map((provider) => endpointOper(provider, service.name)),
    ...(service.drained.length > 0 && { drained: [...service.drained] }),
    ...present({ serviceVip6: service.addresses.find(({ family }) => family === 6)?.toString(), error }),
  };
}

/** @param serviceName the service as whose provider the endpoint is listed. */
export function endpointOper({ endpoint, container, ports, error }: EndpointView, serviceName?: string): EndpointOper {
  const { id, tenant, network, addresses, mac, host, sandboxKey } = endpoint;
  return {
    endpointID: id,
    ipAddress: addresses.map(String),
    macAddress: mac.toString(),
    network: `${network}.${tenant}`,
    tenantName: tenant,
    ...(ports.length > 0 && { ports: ports.map(({ port, protocol, hostIp, hostPort }) => ({ port, protocol, hostIP: hostIp.toString(), hostPort })) }),
    ...present({
      containerID: container?.id,
      containerName: container?.name,
      homingHost: host,
      intfName: sandboxKey === undefined ? undefined : portName(id),
      labels: container && formatLabels(container.labels),
      state: container && stateOf(container),
      serviceName,
      error,
    }),
  };
}

export function explanationOf({ container, host, provider, endpoint, weight, reason }: ProviderExplanation): Explanation {
  return {
    containerID: container.id,
    containerName: container.name,
    homingHost: host,
    provider,
    reason,
    ...present({ ipAddress: endpoint?.addresses.join(', '), network: endpoint?.network, weight: weight && formatWeight(weight) }),
  };
}

export function hostOper({ name, isOwn, state, reason, since, version, underlay, underlayMtu, endpoints, roundTripMs, pathMtu }: HostView): HostOper {
  return {
    ...{ hostName: name, state, version, asked: isOwn, numEndpoints: endpoints.length },
    ...present({ reason, since: since === undefined ? undefined : new Date(since).toISOString(), underlayAddress: underlay?.toString() }),
    ...(underlayMtu === undefined ? {} : { underlayMTU: underlayMtu }),
    // Shorter ones are not to be told from each other: it is a busy processor that makes them differ.
    ...(roundTripMs === undefined ? {} : { roundTripMs: Number(roundTripMs.toFixed(3)) }),
    ...(pathMtu === undefined ? {} : { pathMTU: pathMtu }),
  };
}

/** @param drained what was asked for. */
export function drainOf({ service, container, changed }: DrainAnswer, drained: boolean): DrainObject {
  const { tenant, name } = service;
  return { tenantName: tenant, serviceName: name, containerID: container.id, drained, changed, ...present({ containerName: container.name }) };
}

export function statsOf({ service, at, ports, containerOf }: ServiceStatsView): ServiceStatsObject {
  const named = (endpoint: Endpoint | undefined): Partial<ProviderStatsObject> => {
    const container = endpoint && containerOf(endpoint);
    return present({ containerID: container?.id, containerName: container?.name });
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

/** The fields that say something: neither undefined nor empty, as Contiv's `omitempty`. */
function present<K extends string>(fields: Readonly<Record<K, string | undefined>>): Partial<Record<K, string>> {
  const said = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(said) as Partial<Record<K, string>>;
}
