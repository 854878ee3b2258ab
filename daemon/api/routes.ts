import type { FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import { notFound } from '../../src/model/errors.js';
import { deploymentObject, endpointInspect } from '../../src/wire/objects.js';
import type { EndpointInspect, VersionObject } from '../../src/wire/objects.js';
import type { EndpointView, Operations } from '../control/operations.js';
import type { Metrics } from '../metrics.js';
import { eventsOf } from './event-routes.js';
import { each, sendList } from './lists.js';
import { endpointOper } from './oper.js';
import { failures, unavailable } from './schemas.js';
import type { ApiInstance } from './schemas.js';

/** Endpoints are Docker's to make: they are only inspected. */
export function addEndpointRoutes(app: ApiInstance, operations: Operations): void {
  const tags = ['endpoints'];
  const inspected = (view: EndpointView): EndpointInspect => {
    const { id, tenant } = view.endpoint;
    return { Oper: { ...endpointOper(view), ...eventsOf(operations, { kind: 'endpoint', tenant, name: id }) } };
  };
  const querystring = z.object({ match: z.string().optional(), tenant: z.string().optional() });
  const every = {
    tags,
    summary: 'Inspect every endpoint, or those of the tenant `tenant`, or those whose id, container id or container name contains the text `match`',
    querystring,
    response: { 200: z.array(endpointInspect), ...failures },
  };
  // What is sent is a text, and not the list of the schema.
  app.withTypeProvider<FastifyTypeProviderDefault>().get<{ Querystring: z.infer<typeof querystring> }>('/api/v1/inspect/endpoints/', { schema: every }, ({ query: { match, tenant } }, reply) =>
    sendList(reply, match === undefined ? each(operations.listEndpoints(tenant), (view) => ({ Oper: endpointOper(view) })) : each(operations.findEndpoints(match), inspected)),
  );
  // One object and no list: Contiv's client (contivModelClient.go, EndpointInspect) decodes nothing else.
  const first = {
    tags,
    summary: 'Inspect the first endpoint whose id, container id or container name contains the text',
    params: z.object({ text: z.string() }),
    response: { 200: endpointInspect, ...failures },
  };
  app.get('/api/v1/inspect/endpoints/:text/', { schema: first }, ({ params: { text } }) => {
    const [found] = operations.findEndpoints(text);
    if (!found) throw notFound(`there is no endpoint whose id, container id or container name contains "${text}"`);
    return inspected(found);
  });
}

export interface DaemonParts {
  readonly operations: Operations;
  readonly metrics: Metrics;
  readonly version: VersionObject;
}

/** About the daemon itself; they answer whether or not it is ready. */
export function addDaemonRoutes(app: ApiInstance, { operations, metrics, version }: DaemonParts): void {
  const tags = ['daemon'];
  const text = { 200: { description: 'Plain text', content: { 'text/plain': { schema: z.string() } } } };
  app.get('/version', { schema: { tags, summary: 'The version of netctld, and where it keeps its state', response: { 200: deploymentObject } } }, () => ({ ...version, ...operations.deployment() }));

  const health = { tags, summary: 'Whether netctld is ready', response: { ...text, ...unavailable } };
  app.get('/healthz', { schema: health }, async (_request, reply) => {
    await operations.ready();
    return reply.type('text/plain; charset=utf-8').send('ok');
  });

  app.get('/metrics', { schema: { tags, summary: 'Metrics for Prometheus', response: text } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.text()),
  );

  const document = { tags, summary: 'This document', response: { 200: z.record(z.string(), z.unknown()) } };
  app.get('/openapi.json', { schema: document }, () => ({ ...app.swagger() }));
}
