import t from 'tap';
import { FakeNftables } from '../../daemon/kernel/nftables-fake.js';
import { FakeRouters } from '../../daemon/kernel/routers-fake.js';
import { emptyNat } from '../../src/nat/state.js';
import { nftablesContract } from './nftables.js';

t.test('FakeNftables', async (t) => {
  const routers = new FakeRouters();
  const nftables = new FakeNftables(routers);
  await nftablesContract(t, routers, nftables, 300);

  await t.test('tables that somebody else deleted', async (t) => {
    await routers.ensure('blue');
    await nftables.replace('blue', emptyNat);
    nftables.flush('blue');
    t.equal(await nftables.read('blue'), 'missing');
  });
});
