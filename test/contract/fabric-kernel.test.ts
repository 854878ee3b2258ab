import '../support/throw-away-host.js';
import t from 'tap';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { fabricContract } from './fabric.js';

t.test('KernelFabric', async (t) => {
  const sockets = new RtnetlinkSockets();
  t.teardown(() => sockets.close());
  await fabricContract(t, new KernelRouters(sockets), new KernelFabric(sockets));
});
