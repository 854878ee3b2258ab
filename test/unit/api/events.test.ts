import { request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { EventObject } from '../../../src/wire/objects.js';
import { fixture, network, service } from './fixture.js';

const added = { kind: 'service', tenant: 'default', name: 'web', type: 'normal', reason: 'ProviderAdded', message: 'container web1 (10.1.1.2) gets new connections' } as const;
const answered: EventObject = { sequence: 1, kind: 'service', tenantName: 'default', name: 'web', type: 'normal', reason: 'ProviderAdded', message: added.message, count: 1, first: '1970-01-01T00:00:01.000Z', last: '1970-01-01T00:00:01.000Z' };

t.test('events are listed, all or those of an object', async (t) => {
  const { request: ask, operations } = await fixture(t);
  operations.events.record(added);
  operations.events.record({ ...added, tenant: 'blue' });
  t.strictSame((await ask('GET', '/api/v1/events/?kind=service&tenant=default&name=web')).json, [answered]);
  t.equal(((await ask('GET', '/api/v1/events')).json as unknown[]).length, 2);
  t.strictSame((await ask('GET', '/api/v1/events/?name=other')).json, []);
  operations.events.record({ ...added, kind: 'endpoint', name: '179dc9b41acf0000' });
  t.match((await ask('GET', '/api/v1/events/?name=179dc9b41acf')).json, [{ kind: 'endpoint', name: '179dc9b41acf0000' }], 'of an id the beginning is enough');
  t.strictSame((await ask('GET', '/api/v1/events/?kind=service&name=we')).json, [], 'and of a name it is not');
  const wrong = await ask('GET', '/api/v1/events/?kind=car');
  t.equal(wrong.status, 400);
  t.match(wrong.text, /kind/);
});

t.test('an object is inspected with its events, and a list of objects without', async (t) => {
  const { request: ask, operations } = await fixture(t);
  await ask('POST', '/api/v1/networks/default:net/', network);
  await ask('POST', '/api/v1/serviceLBs/default:web/', service);
  operations.events.record(added);
  t.match((await ask('GET', '/api/v1/inspect/serviceLBs/default:web/')).json, { Oper: { events: [answered] } });
  t.notMatch((await ask('GET', '/api/v1/inspect/serviceLBs/')).text, /ProviderAdded/);
  t.notMatch((await ask('GET', '/api/v1/inspect/networks/default:net/')).text, /events/);
});

t.test('whoever follows gets what was and what comes, and is let go when the API closes', async (t) => {
  const { api, operations } = await fixture(t);
  const directory = mkdtempSync(join(tmpdir(), 'netctl-events-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const socketPath = join(directory, 'netctl.sock');
  // Only root can give it to a group of the host.
  await api.listenUnix(socketPath, { groups: [] });
  operations.events.record(added);
  const lines: EventObject[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    request({ socketPath, path: '/api/v1/events/?follow=true&kind=service' }, (response) => {
      t.equal(response.headers['content-type'], 'application/x-ndjson');
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        for (const line of text.split('\n').filter(Boolean)) lines.push(JSON.parse(line) as EventObject);
        if (lines.length === 1) operations.events.record({ ...added, message: 'again' });
        if (lines.length === 2) operations.events.record({ ...added, kind: 'network' });
        if (lines.length === 2) void api.close();
      });
      response.on('end', resolve);
    }).on('error', reject).end();
  });
  await ended;
  t.strictSame(lines.map(({ message }) => message), [added.message, 'again']);
});
