import { once } from 'node:events';
import t from 'tap';
import type { EventObject } from '../../../src/wire/objects.js';
import { Api, finished, netctl, ok, start } from './harness.js';

const event: EventObject = { sequence: 1, kind: 'service', tenantName: 'default', name: 'web', type: 'normal', reason: 'ProviderAdded', message: 'container web1 (10.1.1.2) gets new connections', count: 1, first: '2026-01-01T00:00:01.000Z', last: '2026-01-01T00:00:01.000Z' };
const lost: EventObject = { ...event, kind: 'host', name: 'h1', type: 'warning', reason: 'DockerLost', message: 'Docker \u001b does not answer', count: 3 };
const endpoint: EventObject = { ...event, kind: 'endpoint', name: 'e'.repeat(64), reason: 'Attached', message: 'attached' };

const shown = [
  '2026-01-01T00:00:01.000Z Normal  ProviderAdded service default:web: container web1 (10.1.1.2) gets new connections',
  '2026-01-01T00:00:01.000Z Warning DockerLost host h1: Docker ? does not answer (3 times)',
  '2026-01-01T00:00:01.000Z Normal  Attached endpoint default:eeeeeeeeeeee: attached',
  '',
].join('\n');

t.test('events are shown one a line', async (t) => {
  const api = await Api.listen({ 'GET /api/v1/events/?': ok([event, lost, endpoint]), 'GET /api/v1/events/?kind=service&tenant=blue&name=web': ok([event]) });
  t.teardown(() => api.close());
  t.match(await api.netctl('events'), { code: 0, stdout: shown, stderr: '' });
  t.match(await api.netctl('events', '-j', '-k', 'service', '-t', 'blue', 'web'), { code: 0, stdout: `${JSON.stringify(event)}\n` });
  t.match(await api.netctl('events', '-k', 'car'), { code: 1, stderr: /"car" is no kind of object: use one of tenant, network/ });
});

t.test('events are followed until netctld ends', async (t) => {
  const api = await Api.listen({ 'GET /api/v1/events/?follow=true': { status: 200, body: [event, lost, endpoint].map((line) => `${JSON.stringify(line)}\n`).join('') } });
  t.teardown(() => api.close());
  t.match(await api.netctl('events', '-f'), { code: 0, stdout: shown });
  t.match(await netctl(['events', '-f'], { NETCTL_HOST: 'unix:///nowhere/netctl.sock' }), { code: 2, stderr: /netctld is not running at/ });
});

t.test('whoever follows events ends it with Ctrl-C, which is no failure', async (t) => {
  const api = await Api.listen({ 'GET /api/v1/events/?follow=true': { status: 200, body: `${JSON.stringify(event)}\n`, open: true } });
  t.teardown(() => api.close());
  const child = start(['events', '-f'], { NETCTL_HOST: `unix://${api.socket}` });
  const ended = finished(child);
  await once(child.stdout ?? child, 'data');
  child.kill('SIGINT');
  t.match(await ended, { code: 0, stderr: '' });
});
