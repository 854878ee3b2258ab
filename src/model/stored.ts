import { z } from 'zod';
import { IpAddress, Mac, Prefix } from './address.js';
import type { Allocation } from './allocation.js';
import type { HostContainer } from './container.js';
import type { Deletion } from './deletion.js';
import type { Endpoint } from './endpoint.js';
import type { DockerPool } from './docker-pool.js';
import type { Host, Presence } from './host.js';
import type { DockerBinding, Leftover, Network, Subnet } from './network.js';
import { algorithms, preferences, protocols, type Service } from './service.js';
import type { Tenant } from './tenant.js';
import type { UnnamedNetwork } from './unnamed-network.js';
import type { Uplink } from './uplink.js';

/**
 * How objects are written into the store: JSON with a version, so that a later version of netctl
 * can read what this one wrote. Decoding refuses what it does not know instead of guessing.
 */
const version = { v: z.literal(1) };

const ip = z.string().transform((text) => IpAddress.parse(text));
const mac = z.string().transform((text) => Mac.parse(text));
const prefix = z.string().transform((text) => Prefix.parse(text));

const subnet = z
  .object({ prefix, range: z.object({ first: ip, last: ip }).optional(), gateway: ip.optional() })
  .transform((value): Subnet => defined(value));

// Told by one field: thousands of these are decoded at a start, and to try one form after the other takes four times as long.
const selectorTerm = z.discriminatedUnion('operator', [
  z.object({ key: z.string(), operator: z.enum(['=', '!=']), value: z.string() }),
  z.object({ key: z.string(), operator: z.enum(['in', 'notin']), values: z.array(z.string()) }),
  z.object({ key: z.string(), operator: z.enum(['exists', 'absent']) }),
]);

const owner = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('gateway') }),
  z.object({ kind: z.literal('service'), name: z.string() }),
  z.object({ kind: z.literal('endpoint'), id: z.string() }),
  z.object({ kind: z.literal('request'), host: z.string() }),
  z.object({ kind: z.literal('reserved') }),
  z.object({ kind: z.literal('resting') }),
]);

const deletion = z.object({ host: z.string().optional(), refused: z.object({ host: z.string(), reason: z.string() }).optional() }).transform((value): Deletion => defined(value));
/** Before there were several hosts, it was not said which one deletes. */
const deleting = z.union([z.literal(true).transform((): Deletion => ({})), deletion]).optional();

const tenant = z.object({ ...version, name: z.string(), hostAccess: z.boolean().optional(), deleting });
const network = z.object({
  ...version,
  tenant: z.string(),
  name: z.string(),
  ipv4: subnet.optional(),
  ipv6: subnet.optional(),
  requestedVni: z.number().int().optional(),
  vni: z.number().int(),
  tag: z.string().optional(),
  internal: z.literal(true).optional(),
  encrypted: z.literal(true).optional(),
  addressesBy: z.literal('docker').optional(),
  deleting,
});
/** Before there were several algorithms, services had neither these fields with a default nor more than one IP asked for. */
const service = z.object({
  ...version,
  tenant: z.string(),
  name: z.string(),
  network: z.string(),
  selectors: z.array(selectorTerm),
  ports: z.array(z.object({ port: z.number().int(), targetPort: z.number().int(), protocol: z.enum(protocols) })),
  algorithm: z.enum(algorithms).default('roundrobin'),
  weights: z.array(z.object({ term: selectorTerm, percent: z.number() })).default([]),
  prefer: z.enum(preferences).default('any'),
  drained: z.array(z.string()).default([]),
  requestedIp: ip.optional(),
  requestedIps: z.array(ip).optional(),
  addresses: z.array(ip),
});

const protocol = z.enum(protocols);
const publication = z
  .object({ protocol, port: z.number().int(), hostIp: ip.optional(), hostPort: z.number().int(), routerPort: z.number().int() })
  .transform((value) => defined(value));
const endpoint = z.object({
  ...version,
  id: z.string(),
  tenant: z.string(),
  network: z.string(),
  addresses: z.array(ip),
  mac,
  host: z.string(),
  sandboxKey: z.string().optional(),
  publications: z.array(publication).optional(),
});
const allocation = z.object({ ...version, tenant: z.string(), network: z.string(), address: ip, owner, since: z.number() });
const uplink = z.object({ ...version, host: z.string(), tenant: z.string(), index: z.number().int() });
const pool = z.object({
  ...version,
  id: z.number().int(),
  host: z.string(),
  prefix,
  range: prefix.optional(),
  since: z.number(),
  dockerNetworkId: z.string().optional(),
});
const unnamedNetwork = z.object({
  ...version,
  host: z.string(),
  dockerNetworkId: z.string(),
  tenant: z.string(),
  ipv4: subnet.optional(),
  ipv6: subnet.optional(),
  reserved: z.array(ip),
  internal: z.literal(true).optional(),
  addressesBy: z.literal('docker').optional(),
  since: z.number(),
});
const binding = z.object({ ...version, host: z.string(), dockerNetworkId: z.string(), tenant: z.string(), network: z.string() });
const tunnel = z.object({ publicKey: z.string(), address: ip, port: z.number().int(), since: z.number() });
const leftover = z.object({ ...version, host: z.string(), dockerNetworkId: z.string() });
const host = z.object({
  ...{ ...version, name: z.string(), id: z.string(), underlay: ip, underlayMtu: z.number().int() },
  ...{ tunnels: z.array(tunnel).optional(), version: z.string(), since: z.number() },
});
const presence = z.object({ ...version, host: z.string(), id: z.string(), since: z.number() });
const hostContainer = z.object({
  ...version,
  host: z.string(),
  container: z.object({
    id: z.string(),
    name: z.string(),
    labels: z.record(z.string(), z.string()),
    state: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
    health: z.enum(['none', 'starting', 'healthy', 'unhealthy']),
    stopping: z.boolean(),
    attachments: z.array(z.object({ networkName: z.string(), networkId: z.string(), endpointId: z.string() })),
  }),
});

/** @throws ZodError if the value is not one that this version or an earlier one wrote. */
export const decodeStored = {
  tenant: (value: unknown): Tenant => strip(tenant.parse(value)),
  network: (value: unknown): Network => strip(network.parse(value)),
  service: (value: unknown): Service => {
    const { tenant, name, network, selectors, ports, algorithm, weights, prefer, drained, requestedIp, requestedIps, addresses } = service.parse(value);
    return { tenant, name, network, selectors, ports, algorithm, weights, prefer, drained, addresses, requestedIps: requestedIps ?? (requestedIp ? [requestedIp] : []) };
  },
  endpoint: (value: unknown): Endpoint => strip(endpoint.parse(value)),
  allocation: (value: unknown): Allocation => {
    const { tenant, network, address, owner, since } = allocation.parse(value);
    return { tenant, network, address, owner, since };
  },
  binding: (value: unknown): DockerBinding => strip(binding.parse(value)),
  uplink: (value: unknown): Uplink => strip(uplink.parse(value)),
  pool: (value: unknown): DockerPool => strip(pool.parse(value)),
  unnamedNetwork: (value: unknown): UnnamedNetwork => strip(unnamedNetwork.parse(value)),
  leftover: (value: unknown): Leftover => strip(leftover.parse(value)),
  host: (value: unknown): Host => strip(host.parse(value)),
  presence: (value: unknown): Presence => strip(presence.parse(value)),
  hostContainer: (value: unknown): HostContainer => strip(hostContainer.parse(value)),
};

type StoredJson = null | boolean | number | string | readonly StoredJson[] | { readonly [key: string]: StoredJson };

/** The value as plain JSON: addresses, prefixes and MACs become text, absent fields are left out. */
export function encodeStored(value: Tenant | Network | Service | Endpoint | Allocation | DockerBinding | Uplink | DockerPool | UnnamedNetwork | Leftover | Host | Presence | HostContainer): StoredJson {
  return { v: 1, ...(JSON.parse(JSON.stringify(value)) as Record<string, StoredJson>) };
}

/** Zod's optional fields may hold an explicit undefined; the model's are absent instead. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  // Of each of ten thousand services: lists of fields and of their values take longer.
  const kept: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) if (field !== undefined) kept[key] = field;
  return kept as Defined<T>;
}

function strip<T extends { v: number }>(value: T): Defined<Omit<T, 'v'>> {
  const { v: _, ...rest } = value;
  return defined(rest);
}
