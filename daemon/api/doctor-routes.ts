import { z } from 'zod';
import { finding } from '../../src/wire/objects.js';
import type { Operations } from '../control/operations.js';
import { failures } from './schemas.js';
import type { ApiInstance } from './schemas.js';

export function addDoctorRoutes(app: ApiInstance, operations: Operations): void {
  const response = { 200: z.array(finding), ...failures };
  app.get('/api/v1/doctor/', { schema: { tags: ['doctor'], summary: 'Look at everything that netctl needs and holds, and change nothing', response } }, () => operations.examine());
  app.post('/api/v1/doctor/', { schema: { tags: ['doctor'], summary: 'Repair what can be repaired, and look at everything then', response } }, async () => {
    await operations.repair();
    return operations.examine();
  });
}
