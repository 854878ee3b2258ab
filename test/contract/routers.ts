import type { Test } from 'tap';
import type { Routers } from '../../daemon/kernel/port.js';

/** What every implementation of Routers does. @param routers with no router yet. */
export async function routersContract(t: Test, routers: Routers): Promise<void> {
  const long = `${'a'.repeat(31)}.${'b'.repeat(32)}`;

  await t.test('there are none at first', async (t) => {
    t.same(await routers.list(), []);
  });

  await t.test('ensure makes a router, once', async (t) => {
    for (const tenant of ['blue', 'blue', 'a.b-c', long]) await routers.ensure(tenant);
    t.same(await routers.list(), ['a.b-c', long, 'blue'].toSorted());
  });

  await t.test('in a new router all bridges have bridge netfilter, until it is left to them', async (t) => {
    t.equal(routers.isNetfilterWithBridges('blue'), false);
    t.equal(routers.leaveNetfilterToBridges('blue'), 3);
    t.equal(routers.leaveNetfilterToBridges('blue'), 0);
    t.equal(routers.isNetfilterWithBridges('blue'), true);
    t.equal(routers.isIntact('blue'), true);
    await routers.ensure('blue');
    t.equal(routers.isNetfilterWithBridges('blue'), true);
    t.equal(routers.isNetfilterWithBridges('a.b-c'), false, 'of others nothing is said');
    t.throws(() => routers.isNetfilterWithBridges('never'), { code: 'unavailable' });
    t.throws(() => routers.leaveNetfilterToBridges('never'), { code: 'unavailable' });
  });

  await t.test('tenants that differ in case only have two routers', async (t) => {
    await routers.ensure('Blue');
    t.same((await routers.list()).filter((tenant) => tenant.toLowerCase() === 'blue'), ['Blue', 'blue']);
    await routers.remove('Blue');
    t.ok((await routers.list()).includes('blue'));
  });

  await t.test('remove removes this one, and what is not there', async (t) => {
    await routers.remove('a.b-c');
    await routers.remove('a.b-c');
    await routers.remove('never');
    t.same(await routers.list(), [long, 'blue'].toSorted());
  });

  await t.test('a removed router can be made again, and again be removed', async (t) => {
    await routers.remove('blue');
    await routers.ensure('blue');
    t.ok((await routers.list()).includes('blue'));
    await routers.remove('blue');
    await routers.remove(long);
    t.same(await routers.list(), []);
  });
}
