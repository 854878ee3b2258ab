import type { Control } from './control/control.js';
import type { RouterMetrics } from './control/routers.js';
import type { Metrics } from './metrics.js';

/** Counts what the controllers tell of their routers. */
export function routerMetrics(metrics: Metrics): RouterMetrics {
  return {
    passed(tenant, { seconds, changes, elements }) {
      metrics.reconciles.inc({ tenant });
      metrics.reconcileSeconds.observe({ tenant }, seconds);
      metrics.elements.set({ tenant }, elements);
      if (!changes) return metrics.reconcileFailures.inc({ tenant });
      for (const [kind, count] of Object.entries(changes.drift)) metrics.repairs.inc({ tenant, kind }, count);
      metrics.changes.inc({ kind: 'link' }, changes.steps);
      metrics.changes.inc({ kind: 'element' }, changes.operations);
      metrics.changes.inc({ kind: 'flow' }, changes.flows);
    },
    forgotten: (tenant) => metrics.forgetTenant(tenant),
  };
}

/** What the controllers hold is looked up whenever the metrics are read. */
export function sampleControl(metrics: Metrics, control: Control): void {
  metrics.sampleWith(() => {
    metrics.dockerConnected.set(control.dockerAnswers ? 1 : 0);
    for (const [kind, count] of Object.entries(control.counts())) metrics.objects.set({ kind }, count);
  });
}
