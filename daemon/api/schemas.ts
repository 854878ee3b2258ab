import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import * as objects from '../../src/wire/objects.js';

/** Fastify, with the types of requests and answers taken from their zod schemas. */
export type ApiInstance = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** `NAME` for tenants, `TENANT:NAME` for what belongs to one. */
export const keyParams = z.object({ key: z.string() });

const sentence = (description: string) => ({ description, content: { 'text/plain': { schema: z.string() } } });

export const unavailable = { 503: sentence('Not ready: one sentence says why.') };

/** Every failure is one sentence as plain text. */
export const failures = {
  400: sentence('Refused as invalid: one sentence says why.'),
  404: sentence('There is no such object.'),
  409: sentence('Refused because of what exists: one sentence says why.'),
  500: sentence('A bug of netctld, which is in its log.'),
  ...unavailable,
};

/** The names of the objects in the OpenAPI document. */
export const schemaNames = z.registry<{ id: string }>();
schemaNames.add(objects.tenantObject, { id: 'Tenant' });
schemaNames.add(objects.networkObject, { id: 'Network' });
schemaNames.add(objects.serviceObject, { id: 'ServiceLB' });
schemaNames.add(objects.endpointOper, { id: 'EndpointOper' });
schemaNames.add(objects.tenantInspect, { id: 'TenantInspect' });
schemaNames.add(objects.networkInspect, { id: 'NetworkInspect' });
schemaNames.add(objects.serviceInspect, { id: 'ServiceLBInspect' });
schemaNames.add(objects.endpointInspect, { id: 'EndpointInspect' });
schemaNames.add(objects.serviceChangeObject, { id: 'ServiceLBChange' });
schemaNames.add(objects.serviceExplanation, { id: 'ServiceExplanation' });
schemaNames.add(objects.drainObject, { id: 'ServiceDrain' });
schemaNames.add(objects.statsCounts, { id: 'StatsCounts' });
schemaNames.add(objects.providerStats, { id: 'ProviderStats' });
schemaNames.add(objects.serviceStats, { id: 'ServiceStats' });
schemaNames.add(objects.eventObject, { id: 'Event' });
schemaNames.add(objects.finding, { id: 'Finding' });
schemaNames.add(objects.hostOper, { id: 'HostOper' });
schemaNames.add(objects.hostInspect, { id: 'HostInspect' });
schemaNames.add(objects.hostRemoval, { id: 'HostRemoval' });
schemaNames.add(objects.deploymentObject, { id: 'Version' });
