import type { RouterMetrics } from './control/routers.js';
import type { Metrics } from './metrics.js';

/** Counts what the controllers tell of their routers. */
export function routerMetrics(metrics: Metrics): RouterMetrics {
  return {
    passed(tenant, { seconds, operations, failed }) {
      metrics.reconciles.inc({ tenant });
      metrics.reconcileSeconds.observe({ tenant }, seconds);
      if (failed) metrics.reconcileFailures.inc({ tenant });
      if (operations > 0) metrics.nftTransactions.inc({ result: failed ? 'failed' : 'applied' });
    },
  };
}
