import { PassThrough } from 'node:stream';
import type { FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import { eventKinds, type EventSubject, type ObjectEvent } from '../../src/model/event.js';
import { eventObject, type EventObject } from '../../src/wire/objects.js';
import type { Operations } from '../control/operations.js';
import { failures } from './schemas.js';
import type { ApiInstance } from './schemas.js';

/** A reader that is this many bytes behind is cut off: events must not pile up for somebody who does not read. */
const mostBuffered = 1024 * 1024;

const querystring = z.object({
  kind: z.enum(eventKinds).optional(),
  tenant: z.string().optional(),
  name: z.string().optional(),
  follow: z.enum(['true', 'false']).optional(),
});
type Query = z.infer<typeof querystring>;

/** @param closing when the API closes: whoever follows is told that there is no more. */
export function addEventRoutes(api: ApiInstance, operations: Operations, closing: AbortSignal): void {
  // Answers are of two types, which the provider cannot tell from one schema.
  const app = api.withTypeProvider<FastifyTypeProviderDefault>();
  const lines = { description: 'With `follow=true`: one event a line, for as long as the reader stays.', content: { 'application/x-ndjson': { schema: z.string() } } };
  const schema = {
    tags: ['events'],
    summary: 'What happened to tenants, networks, services, endpoints and the host since netctld started',
    querystring,
    response: { 200: { description: 'Events', content: { 'application/json': { schema: z.array(eventObject) }, ...lines.content } }, ...failures },
  };
  app.get<{ Querystring: Query }>('/api/v1/events/', { schema }, ({ query }, reply) => {
    const past = operations.listEvents().filter((event) => isWanted(event, query));
    if (query.follow !== 'true') return reply.type('application/json').send(past.map(encodeEvent));
    const stream = new PassThrough();
    const write = (event: ObjectEvent): void => {
      if (stream.writableLength > mostBuffered) stream.destroy();
      else if (isWanted(event, query)) stream.write(`${JSON.stringify(encodeEvent(event))}\n`);
    };
    const unfollow = operations.followEvents(write);
    const end = (): void => void stream.end();
    closing.addEventListener('abort', end);
    stream.once('close', () => {
      unfollow();
      closing.removeEventListener('abort', end);
    });
    past.forEach(write);
    return reply.type('application/x-ndjson').send(stream);
  });
}

function isWanted(event: ObjectEvent, { kind, tenant, name }: Query): boolean {
  return (kind === undefined || event.kind === kind) && (tenant === undefined || event.tenant === tenant) && (name === undefined || isNamed(event, name));
}

/** The name of an endpoint is its id, of which people see and give the beginning, as with Docker's ids. */
function isNamed(event: ObjectEvent, name: string): boolean {
  return event.name === name || (event.kind === 'endpoint' && name !== '' && event.name.startsWith(name));
}

/** The events of one object, for its inspection; a field that is absent while there are none. */
export function eventsOf(operations: Pick<Operations, 'listEvents'>, subject: EventSubject): { events?: EventObject[] } {
  const { kind, tenant, name } = subject;
  const found = operations.listEvents().filter((event) => event.kind === kind && event.tenant === tenant && event.name === name);
  return found.length === 0 ? {} : { events: found.map(encodeEvent) };
}

function encodeEvent({ tenant, first, last, ...event }: ObjectEvent): EventObject {
  return { ...event, ...(tenant === undefined ? {} : { tenantName: tenant }), first: new Date(first).toISOString(), last: new Date(last).toISOString() };
}
