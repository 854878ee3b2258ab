import { deepStrictEqual } from 'node:assert';
import { z } from 'zod';
import * as objects from '../../../src/wire/objects.js';

// netctld does not hold its answers to the schemas that it publishes: tests do, with every answer that they get.

const of = {
  tenants: { object: objects.tenantObject, inspection: objects.tenantInspect },
  networks: { object: objects.networkObject, inspection: objects.networkInspect },
  serviceLBs: { object: objects.serviceObject, inspection: objects.serviceInspect },
};

/** What is answered at a path: the first whose beginning it has. A key in it is any text. */
const schemas: readonly (readonly [path: string, answer: z.ZodType])[] = [
  ...Object.entries(of).flatMap(([path, { object, inspection }]) => [
    [`/api/v1/inspect/${path}/KEY`, inspection] as const,
    [`/api/v1/inspect/${path}`, z.array(inspection)] as const,
    [`/api/v1/${path}/KEY`, object] as const,
    [`/api/v1/${path}`, z.array(object)] as const,
  ]),
  ['/api/v1/inspect/endpoints/KEY', objects.endpointInspect],
  ['/api/v1/inspect/endpoints', z.array(objects.endpointInspect)],
  ['/api/v1/inspect/hosts/KEY', objects.hostInspect],
  ['/api/v1/inspect/hosts', z.array(objects.hostInspect)],
  ['/api/v1/hosts/KEY', objects.hostRemoval],
  ['/api/v1/explain/serviceLBs/KEY', objects.serviceExplanation],
  ['/api/v1/drain/serviceLBs/KEY', objects.drainObject],
  ['/api/v1/stats/serviceLBs/KEY', objects.serviceStats],
  ['/api/v1/stats/serviceLBs', z.array(objects.serviceStats)],
  ['/api/v1/events', z.array(objects.eventObject)],
  ['/api/v1/doctor', z.array(objects.finding)],
  ['/version', objects.deploymentObject],
];

/** @throws AssertionError if the answer has what its schema has not, or the other way round. */
export function checkAnswer(url: string, answer: unknown): void {
  const [path = ''] = url.split('?');
  const found = schemas.find(([pattern]) => new RegExp(`^${pattern.replace('KEY', '[^/]+')}`).test(path));
  if (!found) throw new Error(`nobody has said what is answered at ${path}`);
  deepStrictEqual(answer, found[1].parse(answer), `${path} answers something else than its schema says`);
}
