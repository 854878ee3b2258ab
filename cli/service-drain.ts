import type { DrainObject } from '../src/wire/objects.js';
import { command } from './command.js';
import { containerName, shortId } from './container.js';
import { tenantFlag } from './flags.js';
import { drainPath, keyOf } from './paths.js';
import { forEachName } from './removal.js';

export const drain = command({
  name: 'drain',
  summary: 'Give containers no new connections of a service; open ones live',
  details: 'CONTAINER is a name or the beginning of an id, as docker takes it. It stays drained when the container or netctld restarts, until "netctl service undrain".',
  names: { label: 'SERVICE', count: 'several', then: 'CONTAINER' },
  flags: tenantFlag,
  examples: ['netctl service drain app-svc web1', 'netctl service drain -t blue app-svc 4a80b00ff639 web2'],
  async run([service = '', ...containers], values, { api, output }) {
    const key = keyOf(values.tenant, service);
    await forEachName(containers, output, async (container) => {
      const answer = await api.change<DrainObject>('POST', drainPath(key, container));
      return answer.changed ? `Draining ${called(answer)} of ServiceLB ${key}` : `Nothing to do: ${called(answer)} of ServiceLB ${key} is drained already`;
    });
  },
});

export const undrain = command({
  name: 'undrain',
  summary: 'Let containers that were drained get new connections again',
  names: { label: 'SERVICE', count: 'several', then: 'CONTAINER' },
  flags: tenantFlag,
  examples: ['netctl service undrain app-svc web1'],
  async run([service = '', ...containers], values, { api, output }) {
    const key = keyOf(values.tenant, service);
    await forEachName(containers, output, async (container) => {
      const answer = await api.change<DrainObject>('DELETE', drainPath(key, container));
      return answer.changed ? `Undraining ${called(answer)} of ServiceLB ${key}` : `Nothing to do: ${called(answer)} of ServiceLB ${key} is not drained`;
    });
  },
});

function called(answer: DrainObject): string {
  return `container ${containerName(answer) || shortId(answer)}`;
}
