import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { VersionObject } from '../src/wire/objects.js';
import { driftKinds } from './control/drift.js';

/** From a small diff to a full load of many thousands of services, in seconds. */
const reconcileBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const requestBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** What netctld counts and measures, for Prometheus. Whoever does a thing counts it. */
export class Metrics {
  readonly registry = new Registry();
  private readonly own = { registers: [this.registry] };

  readonly reconciles = new Counter({
    ...this.own,
    name: 'netctl_reconciles_total',
    help: 'Reconciliations of a tenant with the kernel, the failed ones included.',
    labelNames: ['tenant'],
  });
  readonly reconcileFailures = new Counter({
    ...this.own,
    name: 'netctl_reconcile_failures_total',
    help: 'Reconciliations of a tenant that failed and are tried again.',
    labelNames: ['tenant'],
  });
  readonly reconcileSeconds = new Histogram({
    ...this.own,
    name: 'netctl_reconcile_duration_seconds',
    help: 'How long a reconciliation of a tenant took.',
    labelNames: ['tenant'],
    buckets: reconcileBuckets,
  });
  readonly repairs = new Counter({
    ...this.own,
    name: 'netctl_repairs_total',
    help: 'What somebody else had changed in a router and was repaired, by kind: namespace, setting, link, address, route, neighbour or rule.',
    labelNames: ['tenant', 'kind'],
  });
  readonly elements = new Gauge({
    ...this.own,
    name: 'netctl_nft_elements',
    help: 'Elements in the nftables maps and sets of a tenant.',
    labelNames: ['tenant'],
  });
  readonly changes = new Counter({
    ...this.own,
    name: 'netctl_router_changes_total',
    help: 'Changes made to routers, by kind: link (also addresses, routes and neighbours), element (nftables) or flow (connections ended).',
    labelNames: ['kind'],
  });
  readonly objects = new Gauge({
    ...this.own,
    name: 'netctl_objects',
    help: 'Objects held, by kind: tenant, network, service or endpoint.',
    labelNames: ['kind'],
  });
  readonly dockerConnected = new Gauge({
    ...this.own,
    name: 'netctl_docker_connected',
    help: '1 while the event stream of the Docker engine is open.',
  });
  readonly storeTransactions = new Counter({
    ...this.own,
    name: 'netctl_store_transactions_total',
    help: 'Transactions of the store, by result: committed, refused (a condition did not hold) or failed.',
    labelNames: ['result'],
  });
  readonly requestSeconds = new Histogram({
    ...this.own,
    name: 'netctl_api_request_duration_seconds',
    help: 'How long a request of the REST API took, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: requestBuckets,
  });

  private readonly samplers: (() => void)[] = [];

  constructor({ version, gitCommit }: Pick<VersionObject, 'version' | 'gitCommit'>) {
    const build = new Gauge({
      ...this.own,
      name: 'netctl_build_info',
      help: 'Always 1; the labels tell the build.',
      labelNames: ['version', 'commit'],
    });
    build.set({ version, commit: gitCommit }, 1);
  }

  /** Adds the process's own: CPU, memory, open files, event loop. Once per process is enough. */
  collectProcess(): void {
    // To measure how late the event loop is it is woken that often: at prom-client's 10 ms that alone takes a fifth of a percent of a processor.
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 200 });
  }

  /** Sets gauges that are read, not counted, each time somebody asks. */
  sampleWith(sampler: () => void): void {
    this.samplers.push(sampler);
  }

  /** All of them in Prometheus' text format. */
  text(): Promise<string> {
    for (const sampler of this.samplers) sampler();
    return this.registry.metrics();
  }

  /** A tenant is gone: its series end. */
  forgetTenant(tenant: string): void {
    const metrics = [this.reconciles, this.reconcileFailures, this.reconcileSeconds, this.elements];
    for (const metric of metrics) metric.remove(tenant);
    for (const kind of driftKinds) this.repairs.remove({ tenant, kind });
  }
}
