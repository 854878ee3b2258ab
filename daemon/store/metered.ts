import type { Metrics } from '../metrics.js';
import type { Outcome, Store, Transaction } from './port.js';

/** The same store; its transactions are counted by their result. */
export function meteredStore(store: Store, metrics: Pick<Metrics, 'storeTransactions'>): Store {
  const transact = async (transaction: Transaction): Promise<Outcome> => {
    let result = 'failed';
    try {
      const outcome = await store.transact(transaction);
      result = outcome.committed ? 'committed' : 'refused';
      return outcome;
    } finally {
      metrics.storeTransactions.inc({ result });
    }
  };
  return {
    transact,
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, revision, watcher) => store.watch(prefix, revision, watcher),
    close: () => store.close(),
  };
}
