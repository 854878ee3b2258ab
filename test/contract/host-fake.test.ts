import t from 'tap';
import { FakeFabric } from '../../daemon/kernel/fabric-fake.js';
import { FakeHostNetwork } from '../../daemon/kernel/host-fake.js';
import { FakeRouters } from '../../daemon/kernel/routers-fake.js';
import { hostContract } from './host.js';

t.test('FakeHostNetwork', async (t) => {
  const routers = new FakeRouters();
  const fabric = new FakeFabric(routers);
  await hostContract(t, routers, fabric, new FakeHostNetwork(fabric));
});
