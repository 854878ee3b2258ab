import type { z } from 'zod';
import { invalid } from '../../src/model/errors.js';
import { objectKey, parseObjectKey } from '../../src/model/names.js';
import { decodeNetwork, decodeService, decodeTenant } from '../../src/wire/decode.js';
import { encodeNetwork, encodeService, encodeTenant } from '../../src/wire/encode.js';
import { networkInspect, networkObject, serviceInspect, serviceObject, tenantInspect, tenantObject } from '../../src/wire/objects.js';
import type { EventObject, NetworkInspect, NetworkObject, ServiceInspect, ServiceObject, TenantInspect, TenantObject } from '../../src/wire/objects.js';
import type { NetworkView, Operations, ServiceView, TenantView } from '../control/operations.js';
import { eventsOf } from './event-routes.js';
import { each } from './lists.js';
import { briefNetworkOper, briefServiceOper, networkOper, serviceOper, tenantOper } from './oper.js';

/** Which objects of a kind, and how much of them. */
export interface Selection {
  /** Absent: of all tenants. */
  readonly tenant?: string;
  /** Without the lists of what belongs to each. */
  readonly brief: boolean;
}

/** One kind of object of the REST API: its shapes, and what its routes do. Keys are as they stand in the path. */
export interface Resource<Config, Inspect> {
  /** `networks` in `/api/v1/networks/`. */
  readonly path: string;
  readonly noun: string;
  readonly object: z.ZodType<Config>;
  readonly inspection: z.ZodType<Inspect>;
  /** Throws NetctlError `not-found` if there is no such tenant; what is listed is made as it is asked for. */
  list(selection: Selection): Iterable<Config>;
  get(key: string): Config;
  /** Creates it, or updates what is there. */
  put(key: string, object: Config): Promise<Config>;
  delete(key: string): Promise<void>;
  inspectAll(selection: Selection): Iterable<Inspect>;
  inspect(key: string): Inspect;
}

export function tenantResource(operations: Operations): Resource<TenantObject, TenantInspect> {
  const inspection = (view: TenantView) => ({ Config: encodeTenant(view.tenant), Oper: tenantOper(view) });
  return {
    path: 'tenants',
    noun: 'tenant',
    object: tenantObject,
    inspection: tenantInspect,
    list: ({ tenant }) => each(operations.listTenants(tenant), (view) => encodeTenant(view.tenant)),
    get: (name) => encodeTenant(operations.tenant(name).tenant),
    put: async (name, object) => {
      checkKey(name, object.key, object.tenantName);
      return encodeTenant((await operations.createTenant(decodeTenant(object))).tenant);
    },
    delete: (name) => operations.deleteTenant(name),
    inspectAll: ({ tenant }) => each(operations.listTenants(tenant), inspection),
    inspect: (name) => withEvents(inspection(operations.tenant(name)), eventsOf(operations, { kind: 'tenant', tenant: name, name })),
  };
}

export function networkResource(operations: Operations): Resource<NetworkObject, NetworkInspect> {
  const inspection = (view: NetworkView): NetworkInspect => ({ Config: encodeNetwork(view.network), Oper: networkOper(view) });
  const summary = (view: NetworkView): NetworkInspect => ({ Config: encodeNetwork(view.network), Oper: briefNetworkOper(view) });
  const find = (key: string) => {
    const { tenant, name } = parseObjectKey(key);
    return operations.network(tenant, name);
  };
  return {
    path: 'networks',
    noun: 'network',
    object: networkObject,
    inspection: networkInspect,
    list: ({ tenant }) => each(operations.listNetworks(tenant), encodeNetwork),
    get: (key) => encodeNetwork(find(key).network),
    put: async (key, object) => {
      checkKey(key, object.key, objectKey(object.tenantName, object.networkName));
      return encodeNetwork((await operations.createNetwork(decodeNetwork(object))).network);
    },
    delete: async (key) => {
      const { tenant, name } = parseObjectKey(key);
      await operations.deleteNetwork(tenant, name);
    },
    inspectAll: ({ tenant, brief }) => each(operations.inspectNetworks(tenant), brief ? summary : inspection),
    inspect: (key) => withEvents(inspection(find(key)), eventsOf(operations, { kind: 'network', ...parseObjectKey(key) })),
  };
}

export function serviceResource(operations: Operations): Resource<ServiceObject, ServiceInspect> {
  const inspection = (view: ServiceView): ServiceInspect => ({ Config: encodeService(view.service), Oper: serviceOper(view) });
  const summary = (view: ServiceView): ServiceInspect => ({ Config: encodeService(view.service), Oper: briefServiceOper(view) });
  const find = (key: string) => {
    const { tenant, name } = parseObjectKey(key);
    return operations.service(tenant, name);
  };
  return {
    path: 'serviceLBs',
    noun: 'service',
    object: serviceObject,
    inspection: serviceInspect,
    list: ({ tenant }) => each(operations.listServices(tenant), ({ service }) => encodeService(service)),
    get: (key) => encodeService(find(key).service),
    put: async (key, object) => {
      checkKey(key, object.key, objectKey(object.tenantName, object.serviceName));
      return encodeService((await operations.createService(decodeService(object))).service);
    },
    delete: async (key) => {
      const { tenant, name } = parseObjectKey(key);
      await operations.deleteService(tenant, name);
    },
    inspectAll: ({ tenant, brief }) => each(operations.listServices(tenant), brief ? summary : inspection),
    inspect: (key) => withEvents(inspection(find(key)), eventsOf(operations, { kind: 'service', ...parseObjectKey(key) })),
  };
}

function withEvents<T extends { readonly Oper: object }>(inspection: T, events: { events?: EventObject[] }): T {
  return { ...inspection, Oper: { ...inspection.Oper, ...events } };
}

/** The path names the object, and so does the body, once or twice: they must agree. */
export function checkKey(inPath: string, inBody: string | undefined, ofNames: string): void {
  for (const key of [ofNames, inBody || ofNames]) {
    if (key !== inPath) throw invalid(`the path is for "${inPath}" and the body for "${key}": they must name the same object`);
  }
}
