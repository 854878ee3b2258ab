import { inspect } from 'node:util';
import t from 'tap';
import { openDocker } from '../../../daemon/docker/client.js';
import { FakeEngine, json } from './fake-engine.js';

t.test('what docker-modem prints of each request, for nobody, is short, whatever is open', async (t) => {
  const fake = await FakeEngine.make(t);
  await fake.start();
  const { api } = openDocker(fake.socketPath);
  fake.instead.set('GET /version', (_, response) => {
    const { agent } = api.modem as { agent?: unknown };
    const printed = inspect({ agent }, { showHidden: true, depth: null });
    t.ok(agent !== undefined && printed.length < 100, `${printed.length} characters`);
    json(response, 200, { Version: '1' });
  });
  t.match(await api.version(), { Version: '1' });
});
