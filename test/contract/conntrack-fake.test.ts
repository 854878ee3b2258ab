import t from 'tap';
import { FakeConntrack } from '../../daemon/kernel/conntrack-fake.js';
import { FakeRouters } from '../../daemon/kernel/routers-fake.js';
import { conntrackContract, flowOf } from './conntrack.js';

t.test('FakeConntrack', async (t) => {
  const routers = new FakeRouters();
  await routers.ensure('blue');
  const conntrack = new FakeConntrack(routers);
  await conntrackContract(t, {
    conntrack,
    tenant: 'blue',
    make: async (requests) => requests.forEach((request) => conntrack.track('blue', flowOf(request))),
  });
});
