import { z } from 'zod';
import { invalid } from '../src/model/errors.js';
import { constant, method, type Method } from './method.js';
import { localAddressSpace } from './ipam.js';
import { identityOf } from './network-name.js';
import type { EndpointPort, PortRequest, PublicationPort } from './ports.js';
import { addressIn, id, optionalAddress, optionalMac, optionalPrefix, textMap } from './wire.js';

/** Below this key Docker passes what the user gave with `-o`. */
const generic = 'com.docker.network.generic';

const ipamData = z.array(z.object({ AddressSpace: z.string(), Pool: optionalPrefix, Gateway: optionalAddress, AuxAddresses: textMap })).nullish();
const createNetwork = z.object({
  NetworkID: id,
  Options: z.object({ [generic]: z.record(z.string(), z.unknown()).nullish(), 'com.docker.network.internal': z.boolean().nullish() }).nullish(),
  IPv4Data: ipamData,
  IPv6Data: ipamData,
});
const network = z.object({ NetworkID: id });
const createEndpoint = z.object({
  NetworkID: id,
  EndpointID: id,
  Interface: z.object({ Address: optionalAddress, AddressIPv6: optionalAddress, MacAddress: optionalMac }).nullish(),
});
const endpoint = z.object({ NetworkID: id, EndpointID: id });
const portNumber = z.number().int().min(0).max(65_535);
/** Docker's numbers of protocols are those of IP. */
const binding = z.object({ Proto: z.number(), Port: portNumber, HostIP: optionalAddress, HostPort: portNumber.nullish(), HostPortEnd: portNumber.nullish() });
const externalConnectivity = z.object({
  NetworkID: id,
  EndpointID: id,
  Options: z.object({ 'com.docker.network.portmap': z.array(binding).nullish() }).nullish(),
});
const join = z.object({ NetworkID: id, EndpointID: id, SandboxKey: z.string() });

/** The network half of Docker's remote driver protocol, by method name. */
export function networkMethods(endpoints: EndpointPort, publications: PublicationPort): Record<string, Method> {
  return {
    // Docker keeps networks of scope "global" in swarm only; so each host has its own Docker network,
    // all standing for one of netctl's, and what they connect is global.
    // Not claimed is GwAllocChecker, which only newer Dockers know: the IPAM answers for networks without a gateway, to all Dockers alike.
    'NetworkDriver.GetCapabilities': constant('Err', { Scope: 'local', ConnectivityScope: 'global' }),
    'NetworkDriver.AllocateNetwork': method('Err', z.object({}), () => {
      return Promise.reject(invalid('netctl networks are local to each Docker host, so that swarm cannot allocate them: leave out "--scope swarm"'));
    }),
    'NetworkDriver.FreeNetwork': constant('Err', {}),
    'NetworkDriver.CreateNetwork': method('Err', createNetwork, async (request) => {
      await onCreateNetwork(endpoints, request);
      return {};
    }),
    'NetworkDriver.DeleteNetwork': method('Err', network, async (request) => {
      await endpoints.deleteNetwork(request.NetworkID);
      return {};
    }),
    'NetworkDriver.CreateEndpoint': method('Err', createEndpoint, (request) => onCreateEndpoint(endpoints, request)),
    'NetworkDriver.DeleteEndpoint': method('Err', endpoint, async (request) => {
      await endpoints.deleteEndpoint(request.NetworkID, request.EndpointID);
      return {};
    }),
    'NetworkDriver.EndpointOperInfo': method('Err', endpoint, async (request) => {
      return { Value: await endpoints.endpointInfo(request.NetworkID, request.EndpointID) };
    }),
    'NetworkDriver.Join': method('Err', join, (request) => onJoin(endpoints, request)),
    'NetworkDriver.Leave': method('Err', endpoint, async (request) => {
      await endpoints.leave(request.NetworkID, request.EndpointID);
      return {};
    }),
    'NetworkDriver.ProgramExternalConnectivity': method('Err', externalConnectivity, async (request) => {
      const ports = (request.Options?.['com.docker.network.portmap'] ?? []).map(portRequest);
      await publications.publish({ endpointId: request.EndpointID, ports });
      return {};
    }),
    'NetworkDriver.RevokeExternalConnectivity': method('Err', endpoint, async (request) => {
      await publications.revoke(request.EndpointID);
      return {};
    }),
    // Docker tells of swarm's nodes; netctl finds hosts through its store.
    'NetworkDriver.DiscoverNew': constant('Err', {}),
    'NetworkDriver.DiscoverDelete': constant('Err', {}),
  };
}

async function onCreateNetwork(endpoints: EndpointPort, request: z.output<typeof createNetwork>): Promise<void> {
  const { tenant, network } = identityOf(request.Options?.[generic] ?? {});
  const networkId = request.NetworkID;
  if (network !== undefined) return endpoints.createNetwork({ networkId, tenant, network });
  const given = [...(request.IPv4Data ?? []), ...(request.IPv6Data ?? [])];
  await endpoints.createUnnamedNetwork({
    ...{ networkId, tenant },
    internal: request.Options?.['com.docker.network.internal'] === true,
    addressesBy: given.some(({ AddressSpace }) => AddressSpace === localAddressSpace) ? 'netctl' : 'docker',
    subnets: given.flatMap(({ Pool, Gateway, AuxAddresses }) =>
      Pool ? [{ prefix: Pool, ...(Gateway && { gateway: Gateway }), reserved: Object.values(AuxAddresses).map((text) => addressIn(text)) }] : [],
    ),
  });
}

async function onCreateEndpoint(endpoints: EndpointPort, request: z.output<typeof createEndpoint>): Promise<object> {
  const given = request.Interface;
  const { mac } = await endpoints.createEndpoint({
    networkId: request.NetworkID,
    endpointId: request.EndpointID,
    addresses: [given?.Address, given?.AddressIPv6].filter((address) => address !== undefined),
    ...(given?.MacAddress && { mac: given.MacAddress }),
  });
  // Docker takes a field that it gave itself for a fault and undoes the endpoint, even if the value is the same.
  return { Interface: mac && !given?.MacAddress ? { MacAddress: mac.toString() } : {} };
}

/** Docker's number for a route that is not to the link itself. */
const byNextHop = 0;

async function onJoin(endpoints: EndpointPort, request: z.output<typeof join>): Promise<object> {
  const answer = await endpoints.join({ networkId: request.NetworkID, endpointId: request.EndpointID, sandboxKey: request.SandboxKey });
  return {
    InterfaceName: { SrcName: answer.linkName, DstPrefix: answer.linkPrefix },
    ...(answer.gateway && { Gateway: answer.gateway.toString() }),
    ...(answer.gatewayV6 && { GatewayIPv6: answer.gatewayV6.toString() }),
    StaticRoutes: (answer.routes ?? []).map(({ destination, nextHop }) => ({ Destination: destination.toString(), RouteType: byNextHop, NextHop: nextHop.toString() })),
    // Without it, Docker attaches a container that got no default route to docker_gwbridge as well.
    DisableGatewayService: true,
  };
}

function portRequest({ Proto, Port, HostIP, HostPort, HostPortEnd }: z.output<typeof binding>): PortRequest {
  return { protocol: Proto, port: Port, ...(HostIP && { hostIp: HostIP }), hostPort: HostPort ?? 0, hostPortEnd: HostPortEnd ?? 0 };
}
