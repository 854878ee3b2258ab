import { z } from 'zod';
import { hostInspect, hostRemoval } from '../../src/wire/objects.js';
import type { HostInspect } from '../../src/wire/objects.js';
import type { Operations } from '../control/operations.js';
import { eventsOf } from './event-routes.js';
import { endpointOper, hostOper } from './oper.js';
import { failures, keyParams } from './schemas.js';
import type { ApiInstance } from './schemas.js';

/** Hosts come by themselves: they are inspected, and removed when they are gone for good. */
export function addHostRoutes(app: ApiInstance, operations: Operations): void {
  const tags = ['hosts'];
  const every = { tags, summary: 'Inspect every host that shares the state', response: { 200: z.array(hostInspect), ...failures } };
  app.get('/api/v1/inspect/hosts/', { schema: every }, () => operations.listHosts().map((view) => ({ Oper: hostOper(view) })));

  const one = { tags, summary: 'Inspect a host, and what is on it', params: keyParams, response: { 200: hostInspect, ...failures } };
  app.get('/api/v1/inspect/hosts/:key/', { schema: one }, ({ params: { key: name } }): HostInspect => {
    const view = operations.host(name);
    const endpoints = view.endpoints.map((endpoint) => endpointOper(endpoint));
    return { Oper: { ...hostOper(view), endpoints, ...eventsOf(operations, { kind: 'host', name }) } };
  });

  const removal = { tags, summary: 'Free all that a host holds that is away for good', params: keyParams, response: { 200: hostRemoval, ...failures } };
  app.delete('/api/v1/hosts/:key/', { schema: removal }, async ({ params: { key: hostName } }) => {
    const { endpoints, addresses, ports } = await operations.removeHost(hostName);
    return { hostName, freedEndpoints: endpoints, freedAddresses: addresses, freedPorts: ports };
  });
}
