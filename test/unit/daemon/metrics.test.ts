import t from 'tap';
import { Metrics } from '../../../daemon/metrics.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import { meteredStore } from '../../../daemon/store/metered.js';

t.test('transactions of the store are counted by result', async (t) => {
  const metrics = new Metrics({ version: '1', gitCommit: 'abc' });
  const store = meteredStore(new MemoryStore(), metrics);
  const create = { conditions: [{ key: 'a', is: 'absent' as const }], operations: [{ key: 'a', put: 1 }] };
  t.same(await store.transact(create), { committed: true, revision: 1 });
  t.same(await store.transact(create), { committed: false });
  t.match(await store.get('a'), { value: 1 });
  t.match(await store.list(''), { revision: 1 });
  const told: number[] = [];
  store.watch('', 0, { changed: ({ revision }) => void told.push(revision), lost: (reason) => t.fail(reason) }).close();
  t.same(told, [1]);
  await store.close();
  await t.rejects(store.transact(create), { code: 'unavailable' });
  const text = await metrics.registry.metrics();
  for (const result of ['committed', 'refused', 'failed']) t.match(text, `netctl_store_transactions_total{result="${result}"} 1`);
});

t.test('the series of a tenant end with it', async (t) => {
  const metrics = new Metrics({ version: '1', gitCommit: 'abc' });
  for (const tenant of ['blue', 'green']) {
    metrics.reconciles.inc({ tenant });
    metrics.reconcileFailures.inc({ tenant });
    metrics.reconcileSeconds.observe({ tenant }, 0.1);
    metrics.repairs.inc({ tenant, kind: 'rule' });
    metrics.elements.set({ tenant }, 5);
  }
  metrics.forgetTenant('blue');
  const text = await metrics.registry.metrics();
  t.notMatch(text, /blue/);
  t.match(text, 'netctl_nft_elements{tenant="green"} 5');
  t.match(text, 'netctl_build_info{version="1",commit="abc"} 1');
});
