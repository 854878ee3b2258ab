import t from 'tap';
import { FakeFabric } from '../../daemon/kernel/fabric-fake.js';
import { FakeRouters } from '../../daemon/kernel/routers-fake.js';
import { fabricContract } from './fabric.js';

t.test('FakeFabric', async (t) => {
  const routers = new FakeRouters();
  await fabricContract(t, routers, new FakeFabric(routers));
});
