import type { FastifyTypeProviderDefault } from 'fastify';
import { z } from 'zod';
import { sendList } from './lists.js';
import type { Resource, Selection } from './resources.js';
import { failures, keyParams } from './schemas.js';
import type { ApiInstance } from './schemas.js';

interface Keyed {
  Params: { key: string };
}

const querystring = z.object({ tenant: z.string().optional() });
const inspectionQuery = querystring.extend({ brief: z.enum(['true', 'false']).optional() });
interface Listed {
  Querystring: z.infer<typeof inspectionQuery>;
}

function selected({ tenant, brief }: Listed['Querystring']): Selection {
  return { ...(tenant !== undefined && { tenant }), brief: brief === 'true' };
}

/**
 * The routes of one kind of object, as Contiv has them. Creation answers 200 and not 201: Contiv's
 * client (contivModelClient.go, httpPost) takes every other status for a failure.
 */
export function addResourceRoutes<Config, Inspect>(api: ApiInstance, resource: Resource<Config, Inspect>): void {
  // The schemas are those of a type parameter, from which the provider cannot tell the types.
  const app = api.withTypeProvider<FastifyTypeProviderDefault>();
  const { path, noun, object, inspection } = resource;
  const all = <T>(summary: string, answer: z.ZodType<T>) => ({ schema: { tags: [path], summary, response: { 200: answer, ...failures } } });
  const one = <T>(summary: string, answer: z.ZodType<T>) => ({ schema: { ...all(summary, answer).schema, params: keyParams } });

  const some = <T>(summary: string, answer: z.ZodType<T>, query: z.ZodType) => ({ schema: { ...all(`${summary}, or those of the tenant \`tenant\``, z.array(answer)).schema, querystring: query } });

  app.get<Listed>(`/api/v1/${path}/`, some(`List every ${noun}`, object, querystring), ({ query }, reply) => sendList(reply, resource.list(selected(query))));
  app.get<Keyed>(`/api/v1/${path}/:key/`, one(`Show a ${noun}`, object), ({ params }) => resource.get(params.key));
  app.route<Keyed>({
    method: ['POST', 'PUT'],
    url: `/api/v1/${path}/:key/`,
    schema: { ...one(`Create or update a ${noun}`, object).schema, body: object },
    handler: ({ params, body }) => resource.put(params.key, body as Config),
  });
  app.delete<Keyed>(`/api/v1/${path}/:key/`, one(`Delete a ${noun}`, object), async ({ params }) => {
    const deleted = resource.get(params.key);
    await resource.delete(params.key);
    return deleted;
  });
  app.get<Listed>(`/api/v1/inspect/${path}/`, some(`Inspect every ${noun}`, inspection, inspectionQuery), ({ query }, reply) => sendList(reply, resource.inspectAll(selected(query))));
  app.get<Keyed>(`/api/v1/inspect/${path}/:key/`, one(`Inspect a ${noun}`, inspection), ({ params }) => resource.inspect(params.key));
}
