import { z } from 'zod';
import { eventKinds } from '../model/event.js';

/**
 * The REST objects, in the shapes of Contiv's model (contivmodel/*.json), so that Contiv's own
 * clients can speak to this API: `Config` is what the user asked for, `Oper` what was observed.
 * Empty and zero fields are left out, as Contiv's `omitempty` does; `link-sets` and `links` are
 * accepted and ignored.
 */
const links = { 'link-sets': z.record(z.string(), z.unknown()).optional(), links: z.record(z.string(), z.unknown()).optional() };

export const tenantObject = z.object({
  key: z.string().optional(),
  tenantName: z.string(),
  defaultNetwork: z.string().optional(),
  /** Whether the host itself reaches the tenant; absent in a request: as it is, at first only for tenant default. */
  hostAccess: z.boolean().optional(),
  ...links,
});

export const networkObject = z.object({
  /** `tenant:network`. */
  key: z.string().optional(),
  tenantName: z.string(),
  networkName: z.string(),
  /** Only `data`: a network that containers attach to. */
  nwType: z.string().optional(),
  /** Only `vxlan`. */
  encap: z.string().optional(),
  /** The VXLAN network identifier asked for; 0 or absent: any. */
  pktTag: z.number().int().optional(),
  /** `10.1.1.0/24`, or `10.1.1.50-10.1.1.100/24`. */
  subnet: z.string().optional(),
  gateway: z.string().optional(),
  ipv6Subnet: z.string().optional(),
  ipv6Gateway: z.string().optional(),
  cfgdTag: z.string().optional(),
  /** Nothing of it leaves the tenant. */
  internal: z.boolean().optional(),
  /** Between hosts its packets are encrypted; absent: as the host does it by default that is asked. */
  encrypted: z.boolean().optional(),
  ...links,
});

export const serviceObject = z.object({
  /** `tenant:service`. */
  key: z.string().optional(),
  tenantName: z.string(),
  serviceName: z.string(),
  networkName: z.string(),
  /** The service IP asked for; absent or empty: any. Of two it is the IPv4 one. */
  ipAddress: z.string().optional(),
  ipv6Address: z.string().optional(),
  /** `port:targetPort:protocol` each. */
  ports: z.array(z.string()),
  /** One selector term each: `key=value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key`, `!key`. */
  selectors: z.array(z.string()),
  /** `roundrobin`, `random` or `source`; absent: round robin. */
  algorithm: z.string().optional(),
  /** `SELECTOR:PERCENT` each: the providers that satisfy the selector term get this share of new connections. */
  weights: z.array(z.string()).optional(),
  /** `local`: providers on the client's own host get its connections while there are any; absent or `any`: all alike. */
  prefer: z.string().optional(),
  ...links,
});

/** What is to be changed of a service; what is absent stays as it is. */
export const serviceChangeObject = serviceObject.partial();

export const publishedPort = z.object({
  /** The container's. */
  port: z.number().int(),
  protocol: z.string(),
  /** `0.0.0.0` and `::` are all addresses of their family. */
  hostIP: z.string(),
  hostPort: z.number().int(),
});

export const endpointOper = z.object({
  containerID: z.string().optional(),
  containerName: z.string().optional(),
  endpointID: z.string(),
  homingHost: z.string().optional(),
  intfName: z.string().optional(),
  ipAddress: z.array(z.string()),
  labels: z.string().optional(),
  macAddress: z.string().optional(),
  /** `network.tenant`. */
  network: z.string(),
  tenantName: z.string(),
  /** What Docker says of the container, for example `running (healthy)`. */
  state: z.string().optional(),
  /** The ports that are published on the host, one entry for each family; absent if there are none. */
  ports: z.array(publishedPort).optional(),
  /** Why not all of it is as it should be; absent when it is. */
  error: z.string().optional(),
  /** Present where the endpoint is listed as the provider of a service. */
  serviceName: z.string().optional(),
});

/** Something that happened to an object. */
export const eventObject = z.object({
  /** Rises by one from event to event, for as long as netctld runs. */
  sequence: z.number().int(),
  kind: z.enum(eventKinds),
  tenantName: z.string().optional(),
  name: z.string(),
  type: z.enum(['normal', 'warning']),
  /** One word: `ProviderAdded`. */
  reason: z.string(),
  /** A sentence. */
  message: z.string(),
  /** How often in a row; of an event that happened once, `first` and `last` are the same. ISO 8601. */
  count: z.number().int(),
  first: z.string(),
  last: z.string(),
});

/** What happened to the object, oldest first; absent where many objects are inspected at once. */
const events = { events: z.array(eventObject).optional() };

export const tenantInspect = z.object({
  Config: tenantObject,
  Oper: z.object({
    totalNetworks: z.number().int(),
    totalServicelbs: z.number().int(),
    totalEndpoints: z.number().int(),
    ...events,
    /** Why the kernel does not hold what is desired; absent when it does. */
    error: z.string().optional(),
  }),
});

export const networkInspect = z.object({
  Config: networkObject,
  Oper: z.object({
    /** The VXLAN network identifier held. */
    pktTag: z.number().int(),
    networkTag: z.string().optional(),
    dockerNetworkID: z.string().optional(),
    numEndpoints: z.number().int(),
    /** Addresses held by endpoints and services. The gateway is neither counted nor listed. */
    allocatedAddressesCount: z.number().int(),
    /** Ranges such as `10.1.1.1, 10.1.1.5-10.1.1.7`. */
    allocatedIPAddresses: z.string().optional(),
    availableIPAddresses: z.string().optional(),
    allocatedIPv6Addresses: z.string().optional(),
    /** This, what follows and the ranges are absent in brief lists only. */
    endpoints: z.array(endpointOper).optional(),
    services: z.array(z.string()).optional(),
    ...events,
  }),
});

export const serviceInspect = z.object({
  Config: serviceObject,
  Oper: z.object({
    /** The service IP; of two, the IPv4 one. */
    serviceVip: z.string(),
    /** The IPv6 service IP. */
    serviceVip6: z.string().optional(),
    numProviders: z.number().int(),
    /** Absent in brief lists only. */
    providers: z.array(endpointOper).optional(),
    /** The ids of the containers that a user took out of it. */
    drained: z.array(z.string()).optional(),
    ...events,
    /** Why the kernel does not hold what is desired; absent when it does. */
    error: z.string().optional(),
  }),
});

export const endpointInspect = z.object({ Oper: endpointOper.extend(events) });

/** A host, as the one that was asked sees it. */
export const hostOper = z.object({
  hostName: z.string(),
  /** `not ready`: it is there, but something keeps it from being of use. */
  state: z.enum(['ready', 'not ready', 'away']),
  /** Why it is not ready: a sentence. */
  reason: z.string().optional(),
  /** Since when it is there, or away; ISO 8601; absent: nobody knows. */
  since: z.string().optional(),
  /** Of its netctld. */
  version: z.string(),
  /** Whether it is the one that was asked. */
  asked: z.boolean(),
  numEndpoints: z.number().int(),
  /** Where the others reach it, and how large packets its link there takes, in bytes; absent on a single host. */
  underlayAddress: z.string().optional(),
  underlayMTU: z.number().int().optional(),
  /** From the one that was asked, there and back, in milliseconds; absent for itself, and as long as nothing is known. */
  roundTripMs: z.number().optional(),
  /** The longest packet of a container's that gets from there to this host, in bytes; absent as above. */
  pathMTU: z.number().int().optional(),
});

export const hostInspect = z.object({ Oper: hostOper.extend({ ...events, endpoints: z.array(endpointOper).optional() }) });

/** What a host held that was removed. */
export const hostRemoval = z.object({ hostName: z.string(), freedEndpoints: z.number().int(), freedAddresses: z.number().int(), freedPorts: z.number().int() });

/** One container of the service's tenant, and why it is or is not a provider. */
export const explanation = z.object({
  containerID: z.string(),
  containerName: z.string(),
  /** The name of the host it is on. */
  homingHost: z.string(),
  provider: z.boolean(),
  /** The address that gets the connections; present for providers. */
  ipAddress: z.string().optional(),
  network: z.string().optional(),
  /** The weight of the service that the provider counts for; absent: it shares what the weights leave. */
  weight: z.string().optional(),
  /** A sentence. */
  reason: z.string(),
});

export const serviceExplanation = z.object({
  tenantName: z.string(),
  serviceName: z.string(),
  selectors: z.array(z.string()),
  algorithm: z.string(),
  weights: z.array(z.string()),
  /** `any` or `local`. */
  prefer: z.string(),
  containers: z.array(explanation),
});

/** A container that is, or is no longer, kept from getting a service's new connections. */
export const drainObject = z.object({
  tenantName: z.string(),
  serviceName: z.string(),
  containerID: z.string(),
  /** Absent if Docker does not know the container. */
  containerName: z.string().optional(),
  drained: z.boolean(),
  /** Whether it was otherwise before. */
  changed: z.boolean(),
});

const counts = {
  /** New connections since the kernel began to count, which it does for as long as the provider is one. */
  connections: z.number().int(),
  /** Those that are tracked now; of TCP, those that are not closed. */
  openConnections: z.number().int(),
  /** From clients; bytes with all headers from IP on. */
  receivedPackets: z.number().int(),
  receivedBytes: z.number().int(),
  /** Back to clients. */
  sentPackets: z.number().int(),
  sentBytes: z.number().int(),
};

export const statsCounts = z.object(counts);

export const providerStats = z.object({
  containerID: z.string().optional(),
  containerName: z.string().optional(),
  ipAddress: z.array(z.string()),
  /** `former`: it gets nothing new and does not drain, but has connections or was counted. */
  state: z.enum(['serving', 'draining', 'former']),
  ...counts,
});

/** What a service has had of traffic, by its ports and their providers. */
export const serviceStats = z.object({
  tenantName: z.string(),
  serviceName: z.string(),
  /** When the kernel was asked; ISO 8601. */
  time: z.string(),
  ports: z.array(z.object({ port: z.string(), providers: z.array(providerStats), total: statsCounts })),
  total: statsCounts,
});

/** What was found out about one thing that netctl needs or holds. */
export const finding = z.object({
  check: z.string(),
  status: z.enum(['ok', 'warning', 'failed']),
  /** A sentence. */
  message: z.string(),
  /** What to do; absent where all is well. */
  remedy: z.string().optional(),
});

export const versionObject = z.object({ version: z.string(), gitCommit: z.string(), buildTime: z.string() });

/** The version of a netctld, and where it keeps its state. */
export const deploymentObject = versionObject.extend({
  /** `embedded`, or `etcd://` and its members. */
  store: z.string(),
  /** How many hosts share the state, and how many of them are there; absent while netctld starts. */
  hosts: z.object({ present: z.number().int(), known: z.number().int() }).optional(),
});

export type TenantObject = z.infer<typeof tenantObject>;
export type NetworkObject = z.infer<typeof networkObject>;
export type ServiceObject = z.infer<typeof serviceObject>;
export type ServiceChangeObject = z.infer<typeof serviceChangeObject>;
export type PublishedPortObject = z.infer<typeof publishedPort>;
export type EndpointOper = z.infer<typeof endpointOper>;
export type TenantInspect = z.infer<typeof tenantInspect>;
export type NetworkInspect = z.infer<typeof networkInspect>;
export type ServiceInspect = z.infer<typeof serviceInspect>;
export type EndpointInspect = z.infer<typeof endpointInspect>;
export type Explanation = z.infer<typeof explanation>;
export type ServiceExplanation = z.infer<typeof serviceExplanation>;
export type DrainObject = z.infer<typeof drainObject>;
export type EventObject = z.infer<typeof eventObject>;
export type StatsCounts = z.infer<typeof statsCounts>;
export type ProviderStatsObject = z.infer<typeof providerStats>;
export type ServiceStatsObject = z.infer<typeof serviceStats>;
export type FindingObject = z.infer<typeof finding>;
export type VersionObject = z.infer<typeof versionObject>;
export type DeploymentObject = z.infer<typeof deploymentObject>;
export type HostOper = z.infer<typeof hostOper>;
export type HostInspect = z.infer<typeof hostInspect>;
export type HostRemovalObject = z.infer<typeof hostRemoval>;
