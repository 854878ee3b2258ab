import type { FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import { objectKey, parseObjectKey } from '../../src/model/names.js';
import { formatTerm } from '../../src/selectors/format.js';
import { formatWeight } from '../../src/selectors/weights.js';
import { decodeServiceChange } from '../../src/wire/decode.js';
import { encodeService } from '../../src/wire/encode.js';
import { drainObject, serviceChangeObject, serviceExplanation, serviceObject, serviceStats } from '../../src/wire/objects.js';
import type { Operations } from '../control/operations.js';
import { each, sendList } from './lists.js';
import { drainOf, explanationOf, statsOf } from './oper.js';
import { checkKey } from './resources.js';
import { failures, keyParams } from './schemas.js';
import type { ApiInstance } from './schemas.js';

const tags = ['serviceLBs'];

/** What there is of services besides that which there is of every kind of object. */
export function addServiceRoutes(app: ApiInstance, operations: Operations): void {
  addUpdateRoute(app, operations);
  addExplainRoute(app, operations);
  addDrainRoutes(app, operations);
  addStatsRoutes(app, operations);
}

function addUpdateRoute(app: ApiInstance, operations: Operations): void {
  const schema = {
    tags,
    summary: 'Change what is given of a service; what is absent stays as it is',
    params: keyParams,
    body: serviceChangeObject,
    response: { 200: serviceObject, ...failures },
  };
  app.patch('/api/v1/serviceLBs/:key/', { schema }, async ({ params, body }) => {
    const { tenant, name } = parseObjectKey(params.key);
    checkKey(params.key, body.key, objectKey(body.tenantName ?? tenant, body.serviceName ?? name));
    return encodeService(await operations.updateService(decodeServiceChange(tenant, name, body)));
  });
}

function addExplainRoute(app: ApiInstance, operations: Operations): void {
  const schema = {
    tags,
    summary: 'Tell of each container of the tenant why it is or is not a provider of the service',
    params: keyParams,
    response: { 200: serviceExplanation, ...failures },
  };
  app.get('/api/v1/explain/serviceLBs/:key/', { schema }, ({ params }) => {
    const { tenant, name } = parseObjectKey(params.key);
    const { service, containers } = operations.explainService(tenant, name);
    return {
      tenantName: tenant,
      serviceName: name,
      selectors: service.selectors.map(formatTerm),
      algorithm: service.algorithm,
      weights: service.weights.map(formatWeight),
      prefer: service.prefer,
      containers: containers.map(explanationOf),
    };
  });
}

/** Containers are named as Docker's commands take them: by name, or the beginning of an id. */
function addDrainRoutes(app: ApiInstance, operations: Operations): void {
  const url = '/api/v1/drain/serviceLBs/:key/:container/';
  const schema = (summary: string) => ({ tags, summary, params: keyParams.extend({ container: z.string() }), response: { 200: drainObject, ...failures } });
  const drain = schema('Take a container out of a service: it gets no new connections, and open ones live');
  app.post(url, { schema: drain }, async ({ params }) => {
    const { tenant, name } = parseObjectKey(params.key);
    return drainOf(await operations.drainService(tenant, name, params.container), true);
  });
  const undrain = schema('Let a container that was drained get new connections again');
  app.delete(url, { schema: undrain }, async ({ params }) => {
    const { tenant, name } = parseObjectKey(params.key);
    return drainOf(await operations.undrainService(tenant, name, params.container), false);
  });
}

function addStatsRoutes(app: ApiInstance, operations: Operations): void {
  const one = { tags, summary: 'What the kernel has counted of a service, by its ports and their providers', params: keyParams, response: { 200: serviceStats, ...failures } };
  app.get('/api/v1/stats/serviceLBs/:key/', { schema: one }, async ({ params }) => {
    const { tenant, name } = parseObjectKey(params.key);
    return statsOf(await operations.serviceStats(tenant, name));
  });
  const querystring = z.object({ tenant: z.string().optional() });
  const all = { tags, summary: 'The same of all services, or of those of the tenant `tenant`', querystring, response: { 200: z.array(serviceStats), ...failures } };
  // What is sent is a text, and not the list of the schema.
  app.withTypeProvider<FastifyTypeProviderDefault>().get<{ Querystring: z.infer<typeof querystring> }>('/api/v1/stats/serviceLBs/', { schema: all }, async ({ query: { tenant } }, reply) => {
    const tenants = operations.listTenants(tenant).map((view) => view.tenant.name);
    const views = await Promise.all(tenants.map((name) => operations.listServiceStats(name)));
    return sendList(reply, each(views.flat(), statsOf));
  });
}
