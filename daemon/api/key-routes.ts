import { z } from 'zod';
import type { Operations } from '../control/operations.js';
import { failures } from './schemas.js';
import type { ApiInstance } from './schemas.js';

/** The asked host's own key for encrypted connections: nobody else can make it one. */
export function addKeyRoutes(app: ApiInstance, operations: Operations): void {
  const schema = { tags: ['hosts'], summary: 'Make this host another key for encrypted connections; it is used when all hosts that are there can', response: { 200: z.object({}), ...failures } };
  app.post('/api/v1/rekey/', { schema }, async () => {
    await operations.rekey();
    return {};
  });
}
