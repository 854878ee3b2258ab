import '../support/throw-away-host.js';
import t from 'tap';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { routersContract } from './routers.js';

t.test('KernelRouters', async (t) => {
  const sockets = new RtnetlinkSockets();
  t.teardown(() => sockets.close());
  await routersContract(t, new KernelRouters(sockets));
});
