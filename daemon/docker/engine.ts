import { z } from 'zod';
import { conflict, inUse, NetctlError } from '../../src/model/errors.js';
import { ask, DockerRefusal, type DockerClient } from './client.js';
import type { DockerEngine, DockerNetwork, DockerNetworkRequest } from './port.js';

/** The name of our network and IPAM drivers: Docker finds them by the name of the plugin's socket. */
export const driver = 'netctl';

/** Docker waits for the plugin while it makes or removes a network, several calls long. */
const changeTimeoutMs = 30_000;
const readTimeoutMs = 10_000;

const networks = z.array(z.object({ Id: z.string(), Name: z.string(), Driver: z.string(), Options: z.record(z.string(), z.string()).nullish() }));

const networkEndpoints = z.object({ Containers: z.record(z.string(), z.object({ EndpointID: z.string() })).nullish() });

/**
 * The engine's networks. Refusals by Docker are NetctlErrors: `conflict` for a name that is taken
 * or Docker's own, `in-use` for a network with containers, else `internal`. After `unavailable`, the change may or
 * may not have been made.
 */
export function createDockerEngine(client: DockerClient): DockerEngine {
  const { api } = client;
  return {
    async createNetwork(request) {
      const what = `create the network ${request.name}`;
      return refused(what, async () => (await ask(client, what, changeTimeoutMs, (abortSignal) => api.createNetwork({ ...creation(request), abortSignal }))).id);
    },
    async removeNetwork(id) {
      const what = `remove the network ${id}`;
      await refused(what, () => ask(client, what, changeTimeoutMs, (abortSignal) => api.getNetwork(id).remove({ abortSignal })).catch(unlessMissing));
    },
    async listNetworks() {
      const what = 'list the networks';
      const answer: unknown = await refused(what, () => ask(client, what, readTimeoutMs, (abortSignal) => api.listNetworks({ filters: { driver: [driver] }, abortSignal })));
      const decoded = networks.safeParse(answer);
      if (!decoded.success) throw new NetctlError('internal', `Docker's list of networks is not understood: ${decoded.error.message}`);
      return decoded.data.map(networkOf);
    },
    async listEndpoints(networkId) {
      const what = `inspect the network ${networkId}`;
      const answer: unknown = await refused(what, () => ask(client, what, readTimeoutMs, (abortSignal) => inspectNetwork(client, networkId, abortSignal)).catch(unlessMissing));
      const decoded = networkEndpoints.safeParse(answer ?? {});
      if (!decoded.success) throw new NetctlError('internal', `what Docker says of a network is not understood: ${decoded.error.message}`);
      return Object.values(decoded.data.Containers ?? {}).map(({ EndpointID }) => EndpointID);
    },
  };
}

/** What dockerode's own `inspect` does, which takes no signal: a question that is given up would keep its connection for ever. */
function inspectNetwork({ api }: DockerClient, id: string, abortSignal: AbortSignal): Promise<unknown> {
  const { modem } = api as { modem: { dial(options: object, done: (error: Error | null, answer: unknown) => void): void } };
  const request = { path: `/networks/${encodeURIComponent(id)}?`, method: 'GET', statusCodes: { 200: true, 404: 'no such network', 500: 'server error' }, abortSignal };
  return new Promise((resolve, reject) => modem.dial(request, (error, answer) => (error ? reject(error) : resolve(answer))));
}

function creation(request: DockerNetworkRequest) {
  return {
    Name: request.name,
    Driver: driver,
    CheckDuplicate: true,
    EnableIPv6: request.ipv6,
    // Docker before 28 (API 1.48) does not know this field, leaves it aside and wants an IPv4 pool in any case: it gets a stand-in.
    EnableIPv4: request.subnets.some(({ subnet }) => !subnet.includes(':')),
    Internal: request.internal,
    Options: { ...request.options },
    IPAM: {
      ...(request.addressesBy === 'netctl' && { Driver: driver, Options: { ...request.ipamOptions } }),
      Config: request.subnets.map(({ subnet, gateway }) => ({ Subnet: subnet, ...(gateway !== undefined && { Gateway: gateway }) })),
    },
  };
}

function networkOf({ Id, Name, Driver, Options }: z.output<typeof networks>[number]): DockerNetwork {
  return { id: Id, name: Name, driver: Driver, options: Options ?? {} };
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof DockerRefusal && error.status === 404)) throw error;
}

async function refused<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DockerRefusal)) throw error;
    const sentence = `Docker would not ${what}: ${error.message}`;
    if (error.status === 409) throw conflict(sentence);
    if (error.status === 403) throw error.message.includes('active endpoints') ? inUse(sentence) : conflict(sentence);
    throw new NetctlError('internal', sentence, { cause: error });
  }
}
