import '../support/throw-away-host.js';
import t from 'tap';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import type { FabricStep, RouteState } from '../../src/fabric/state.js';
import { IpAddress, Prefix } from '../../src/model/address.js';
import { fabricContract } from './fabric.js';

t.test('KernelFabric', async (t) => {
  const sockets = new RtnetlinkSockets();
  t.teardown(() => sockets.close());
  await fabricContract(t, new KernelRouters(sockets), new KernelFabric(sockets));
});

t.test('thousands of routes at once', async (t) => {
  const sockets = new RtnetlinkSockets();
  t.teardown(() => sockets.close());
  const [routers, fabric] = [new KernelRouters(sockets), new KernelFabric(sockets)];
  await routers.ensure('many');
  const addRoute = (route: RouteState): FabricStep => ({ action: 'addRoute', route });
  const services = Array.from({ length: 2_000 }, (_, index): RouteState => ({ kind: 'service', prefix: Prefix.parse(`10.${index >> 8}.${index & 255}.1/32`), link: 'lo' }));
  const prefixes = async (): Promise<number> => [...(await fabric.read('many')).routes.values()].filter(({ kind }) => kind === 'service').length;
  await fabric.apply('many', services.map(addRoute));
  t.equal(await prefixes(), 2_000, 'all of them are there');
  await fabric.apply('many', services.map(addRoute));
  t.equal(await prefixes(), 2_000, 'and may be there already');

  // No gateway is on a link without an address.
  const via = IpAddress.parse('192.0.2.1');
  const refused: RouteState = { kind: 'default', prefix: Prefix.of(via, 0), link: 'lo', via };
  const more = Array.from({ length: 300 }, (_, index): RouteState => ({ kind: 'service', prefix: Prefix.parse(`10.99.${index >> 8}.${index & 255}/32`), link: 'lo' }));
  for (const place of [0, 100, 299, 300]) {
    const steps = more.toSpliced(place, 0, refused).map(addRoute);
    await t.rejects(fabric.apply('many', steps), { code: 'unavailable', message: /add route 0\.0\.0\.0\/0 in the router of tenant many: the kernel refused it with ENETUNREACH/ }, `it is told which one is refused, at place ${place}`);
    t.equal(await prefixes(), 2_300, 'the others are there');
    await fabric.apply('many', more.map((route) => ({ action: 'deleteRoute', route })));
  }
  await routers.remove('many');
});
