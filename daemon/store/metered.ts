import type { Metrics } from '../metrics.js';
import { isShared, type Outcome, type SharedStore, type Store, type Transaction } from './port.js';

/** The same store; its transactions are counted by their result. */
export function meteredStore(store: Store | SharedStore, metrics: Pick<Metrics, 'storeTransactions'>): Store | SharedStore {
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
  const metered: Store = {
    transact,
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, revision, watcher) => store.watch(prefix, revision, watcher),
    close: () => store.close(),
  };
  return isShared(store) ? { ...metered, announce: (key, value, ttlSeconds) => store.announce(key, value, ttlSeconds) } : metered;
}
