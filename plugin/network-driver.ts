import { z } from 'zod';
import { invalid } from '../src/model/errors.js';
import { constant, method, type Method } from './method.js';
import { networkName } from './network-name.js';
import type { EndpointPort } from './ports.js';
import { id, optionalAddress, optionalMac, text } from './wire.js';

/** Below this key Docker passes what the user gave with `-o`. */
const generic = 'com.docker.network.generic';

const createNetwork = z.object({
  NetworkID: id,
  Options: z.object({ [generic]: z.object({ tenant: text, network: text }).nullish() }).nullish(),
});
const network = z.object({ NetworkID: id });
const createEndpoint = z.object({
  NetworkID: id,
  EndpointID: id,
  Interface: z.object({ Address: optionalAddress, AddressIPv6: optionalAddress, MacAddress: optionalMac }).nullish(),
});
const endpoint = z.object({ NetworkID: id, EndpointID: id });
/** Docker's numbers of protocols are those of IP. */
const binding = z.object({ Proto: z.number(), Port: z.number() });
const externalConnectivity = z.object({
  NetworkID: id,
  EndpointID: id,
  Options: z.object({ 'com.docker.network.portmap': z.array(binding).nullish() }).nullish(),
});
const join = z.object({ NetworkID: id, EndpointID: id, SandboxKey: z.string() });

/** The network half of Docker's remote driver protocol, by method name. */
export function networkMethods(endpoints: EndpointPort): Record<string, Method> {
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
      await endpoints.createNetwork({ networkId: request.NetworkID, ...networkName(request.Options?.[generic] ?? {}) });
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
    'NetworkDriver.ProgramExternalConnectivity': method('Err', externalConnectivity, (request) => {
      const published = request.Options?.['com.docker.network.portmap'] ?? [];
      return published.length === 0 ? Promise.resolve({}) : Promise.reject(noPublishing(published));
    }),
    'NetworkDriver.RevokeExternalConnectivity': constant('Err', {}),
    // Docker tells of swarm's nodes; netctl finds hosts through its store.
    'NetworkDriver.DiscoverNew': constant('Err', {}),
    'NetworkDriver.DiscoverDelete': constant('Err', {}),
  };
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

async function onJoin(endpoints: EndpointPort, request: z.output<typeof join>): Promise<object> {
  const answer = await endpoints.join({ networkId: request.NetworkID, endpointId: request.EndpointID, sandboxKey: request.SandboxKey });
  return {
    InterfaceName: { SrcName: answer.linkName, DstPrefix: answer.linkPrefix },
    ...(answer.gateway && { Gateway: answer.gateway.toString() }),
    ...(answer.gatewayV6 && { GatewayIPv6: answer.gatewayV6.toString() }),
    StaticRoutes: [],
    // Without it, Docker attaches a container that got no default route to docker_gwbridge as well.
    DisableGatewayService: true,
  };
}

/**
 * Docker asks the network with the container's default route to publish its ports (`docker run -p`, `-P`). Saying yes and
 * publishing nothing would leave the user to find out; the protocol knows no warning.
 */
function noPublishing(published: readonly z.output<typeof binding>[]): Error {
  const names = new Map([[6, 'tcp'], [17, 'udp'], [132, 'sctp']]);
  const shown = published.slice(0, 5).map(({ Proto, Port }) => `${Port}/${names.get(Proto) ?? Proto}`);
  const more = published.length > shown.length ? ` and ${published.length - shown.length} more` : '';
  return invalid(`netctl networks publish no ports on the host (${shown.join(', ')}${more}): leave out "-p" and "-P"; other containers reach these ports through a service`);
}
