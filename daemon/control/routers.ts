import { portName } from '../../src/fabric/names.js';
import { probeRouter } from '../../src/probe/segment.js';
import { NetctlError } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { hasHostAccess } from '../../src/model/tenant.js';
import type { Living } from '../../src/nat/flows.js';
import type { NatService } from '../../src/nat/input.js';
import type { Kernel } from '../kernel/port.js';
import { answeredNetworks } from './answered-networks.js';
import type { AllContainers } from './all-containers.js';
import type { Chronicle } from './chronicle.js';
import type { Containers } from './containers.js';
import { countDrift, type Drift } from './drift.js';
import type { Hosts } from './hosts.js';
import type { Logger } from './logger.js';
import { Pace } from './pace.js';
import { PassRate } from './pass-rate.js';
import { waitAtMost } from './patience.js';
import type { Providers } from './providers.js';
import { Reconciler } from './reconciler.js';
import { containerEnds, fabricInput, natInput, publishedServices, type TenantOnHost } from './router-inputs.js';
import { Router, type RouterChanges, type RouterTarget } from './router.js';
import { ServiceLists, type ServiceNews } from './service-lists.js';
import type { State } from './state.js';
import type { Uplinks } from './uplinks.js';

/** The largest share of the time that looking at routers may take: a thousand routers are looked at less often than ten. */
const shareOfLooks = 0.01;

/** How long Docker is kept waiting, in milliseconds: less than the plugin waits before it answers that nobody knows why. */
const patienceMs = 7_000;

/**
 * With more services than that a pass without providers, which at start is followed by the one with them, would take a second: so the first one waits for
 * Docker to tell of its containers, for so long at most.
 */
const [manyServices, dockerPatienceMs] = [1_000, 1_000] as const;

/** What is counted of the routers' passes. */
export interface RouterMetrics {
  passed(tenant: string, pass: { readonly seconds: number; readonly changes: RouterChanges | undefined; readonly elements: number }): void;
  /** The tenant has no router any more. */
  forgotten(tenant: string): void;
}

interface Parts {
  readonly kernel: Kernel;
  readonly state: State;
  readonly containers: Containers;
  readonly allContainers: Pick<AllContainers, 'ofEndpoint'>;
  readonly hosts: Pick<Hosts, 'overlay' | 'isPresent'>;
  readonly providers: Providers;
  readonly host: string;
  readonly log: Logger;
  readonly metrics: RouterMetrics;
  readonly chronicle: Chronicle;
  readonly uplinks: Uplinks;
  /** A link between a router and the host was made. */
  readonly linked: () => void;
}

/**
 * Keeps every tenant's router as it should be. A tenant has a router on a host as long as it has a
 * network; each pass plans from the whole state of its tenant.
 */
export class Routers {
  private readonly routers = new Map<string, Router>();
  /** Of the tenants that have a router. */
  private readonly lists = new Map<string, ServiceLists>();
  /** The endpoints, by id, for which Docker waits for a link. */
  private readonly joining = new Set<string>();
  /** Tenants whose router was found at start with containers in it of which the store knows nothing. */
  private readonly strangers = new Set<string>();
  /** Those whose router was brought up to date since the start, with all containers known. */
  private readonly settled = new Set<string>();
  private readonly reconciler: Reconciler;
  private readonly looks = new Pace();

  constructor(private readonly parts: Parts) {
    this.reconciler = new Reconciler('router', (tenant) => this.reconcile(tenant), parts.log, new PassRate());
  }

  /** Follows all changes from now on. Routers of tenants that are no more are removed. */
  async start(): Promise<void> {
    const { kernel, state, containers, uplinks } = this.parts;
    const unknown = (await kernel.routers.list()).filter((tenant) => tenant !== probeRouter && state.networks.of(tenant).length === 0);
    // Before any of them can be removed: who looks into a router while it goes is told that it is gone, and who removes one does not look.
    for (const tenant of unknown) if (await this.hasContainers(tenant)) this.leaveAlone(tenant);
    state.onChange((tenants) => tenants.forEach((tenant) => this.reconciler.enqueue(tenant)));
    containers.onChange((before, after) => this.containerChanged([before, after].flatMap((container) => container?.attachments ?? [])));
    containers.onConnected(() => this.enqueueAll());
    // A crash may have come between the removal of a router and the release of its uplink.
    this.enqueue([...uplinks.tenants(), ...unknown]);
    this.enqueueAll();
  }

  async stop(): Promise<void> {
    await this.reconciler.stop();
  }

  /** Resolves when all that is true now is in the kernel, or could not be brought there: see {@link errorOf}; or when that takes too long. */
  sync(tenant: string): Promise<void> {
    return waitAtMost(patienceMs, this.reconciler.sync(tenant));
  }

  /** Resolves when the endpoint's link is there. @throws NetctlError if it could not be made. */
  async attach(tenant: string, endpointId: string): Promise<void> {
    this.joining.add(endpointId);
    try {
      await this.sync(tenant);
    } finally {
      this.joining.delete(endpointId);
    }
    const router = this.routers.get(tenant);
    if (router?.holdsLink(portName(endpointId))) return;
    const reason = !router ? 'its network is gone' : (router.error ?? `a program that works on the router has not ended within ${patienceMs / 1000} s; try again`);
    throw new NetctlError('internal', `the link of endpoint ${endpointId.slice(0, 12)} could not be made: ${reason}`);
  }

  /** Reads every router again and repairs what differs, those with much in them less often. */
  async verifyAll(): Promise<void> {
    for (const [tenant, router] of this.routers) if (await router.verify()) this.reconciler.enqueue(tenant);
  }

  /** Looks whether somebody else changed a router, and repairs those. Cheap, so it can be done often; it does nothing when that were too much. */
  async look(): Promise<void> {
    if (!this.looks.allows(shareOfLooks)) return;
    await this.looks.measure(async () => {
      for (const [tenant, router] of this.routers) if (await router.look()) this.reconciler.enqueue(tenant);
    });
    for (const [tenant, router] of this.routers) if (await router.learn()) this.reconciler.enqueue(tenant);
  }

  /** What somebody else changed in the tenant's router and nobody has repaired yet. Changes nothing. */
  async compare(tenant: string): Promise<Drift> {
    return (await this.routers.get(tenant)?.compare()) ?? {};
  }

  /** The next pass reads the router. */
  doubt(tenant: string): void {
    this.routers.get(tenant)?.doubt();
  }

  errorOf(tenant: string): string | undefined {
    return this.routers.get(tenant)?.error ?? this.parts.uplinks.errorOf(tenant);
  }

  /** Whether the router was looked at since netctld started, and all containers were known when it was. Until then it is as an earlier netctld left it. */
  isSettled(tenant: string): boolean {
    return this.settled.has(tenant);
  }

  /** Why the last pass over the router could not do its work. */
  failureOf(tenant: string): string | undefined {
    return this.routers.get(tenant)?.failure ?? this.parts.uplinks.errorOf(tenant);
  }

  /** Whether there are routers of which the store knows nothing. */
  get hasStrangers(): boolean {
    return this.strangers.size > 0;
  }

  /** Something changed that concerns these tenants, and that the store does not tell of. */
  enqueue(tenants: Iterable<string>): void {
    for (const tenant of tenants) this.reconciler.enqueue(tenant);
  }

  private enqueueAll(): void {
    for (const tenant of this.parts.state.tenants.values()) this.reconciler.enqueue(tenant.name);
  }

  private containerChanged(attachments: readonly { networkId: string; endpointId: string }[]): void {
    const { state, host } = this.parts;
    for (const { networkId, endpointId } of attachments) {
      const endpoint = state.endpoints.get(keys.endpoint(endpointId))?.value;
      const tenant = endpoint?.tenant ?? state.bindings.get(keys.binding(host, networkId))?.value.tenant;
      if (tenant !== undefined) this.reconciler.enqueue(tenant);
    }
  }

  private async reconcile(tenant: string): Promise<void> {
    const router = this.routers.get(tenant) ?? new Router(tenant, this.parts.kernel);
    this.routers.set(tenant, router);
    if (this.parts.state.networks.of(tenant).length === 0) return this.strangers.has(tenant) ? undefined : this.remove(tenant, router);
    this.strangers.delete(tenant);
    await this.parts.uplinks.ensure(tenant);
    if (this.parts.state.services.listOf(tenant).length > manyServices) await this.parts.containers.heard(dockerPatienceMs);
    const onHost = this.onHost(tenant);
    const started = performance.now();
    // They may become known while the pass is under way.
    const areKnown = this.parts.containers.areKnown;
    let changes: RouterChanges | undefined;
    try {
      const services = this.listsOf(tenant).bring(onHost.services, this.parts.providers.membership(tenant));
      changes = await router.reconcile(this.target(tenant, onHost, services));
      this.report(tenant, changes);
      if (areKnown) {
        this.parts.chronicle.balanced(tenant, services.candidacies);
        this.settled.add(tenant);
      }
    } finally {
      if (changes?.uplinked ?? true) this.parts.linked();
      this.parts.chronicle.routerPassed(tenant, router.error);
      this.parts.metrics.passed(tenant, { seconds: (performance.now() - started) / 1000, changes, elements: router.elements });
    }
  }

  private async hasContainers(tenant: string): Promise<boolean> {
    const { links } = await this.parts.kernel.fabric.read(tenant);
    return [...links.values()].some((link) => link.kind === 'port');
  }

  /**
   * A network is only deleted when no container is attached to it. So this router is not what a
   * deletion left: the store is not the one that belongs to this host, or it was emptied. To remove the
   * router would cut running containers off.
   */
  private leaveAlone(tenant: string): void {
    this.strangers.add(tenant);
    const router = `netctl-${tenant}`;
    this.parts.log.error({ event: 'router-unknown', tenant, router }, 'containers are attached to a router that the state does not know: is it the right --state? The router is left alone; "ip netns delete" removes it');
  }

  private async remove(tenant: string, router: Router): Promise<void> {
    await router.remove();
    await this.parts.uplinks.release(tenant);
    this.routers.delete(tenant);
    this.lists.delete(tenant);
    this.settled.delete(tenant);
    this.parts.metrics.forgotten(tenant);
    this.parts.chronicle.forget(tenant);
  }

  private report(tenant: string, changes: RouterChanges): void {
    const { log } = this.parts;
    const differences = countDrift(changes.drift);
    if (differences > 0) {
      log.warn({ event: 'router-repaired', tenant, ...changes }, 'somebody else had changed the router; it is repaired');
      this.parts.chronicle.routerRepaired(tenant, differences);
    } else if (changes.steps + changes.operations + changes.flows > 0) {
      log.info({ event: 'router-changed', tenant, ...changes }, 'changed the router');
    }
  }

  private listsOf(tenant: string): ServiceLists {
    const { providers, hosts, host } = this.parts;
    const known = this.lists.get(tenant) ?? new ServiceLists(providers, hosts, host);
    this.lists.set(tenant, known);
    return known;
  }

  private target(tenant: string, onHost: TenantOnHost, services: ServiceNews): RouterTarget {
    const { containers } = this.parts;
    const published = publishedServices(onHost);
    const nat = natInput(onHost, withPublished(services.balanced, published));
    const answered = answeredNetworks(onHost, this.listsOf(tenant).answeringOf(nat.services));
    return {
      fabric: fabricInput(onHost, services.addresses, answered),
      nat,
      joining: this.joining,
      containers: containerEnds(onHost, (id) => isAlive(containers.ofEndpoint(id)?.state)),
      ...(containers.areKnown ? { living: this.living(onHost, withPublished(services.living, published)) } : {}),
    };
  }

  /** A container that its host has not told of yet counts as living: its endpoint was made a moment ago. */
  private living(onHost: TenantOnHost, services: readonly NatService[]): Living {
    const { endpoints, overlay } = onHost;
    const { allContainers } = this.parts;
    const alive = [...endpoints, ...(overlay?.endpoints ?? [])].filter(({ id, sandboxKey }) => {
      const state = allContainers.ofEndpoint(id)?.state;
      return sandboxKey !== undefined && (state === undefined || isAlive(state));
    });
    return { addresses: alive.flatMap((endpoint) => endpoint.addresses), services };
  }

  private onHost(tenant: string): TenantOnHost {
    const { state, host, hosts, uplinks } = this.parts;
    const known = state.tenants.get(keys.tenant(tenant))?.value;
    const uplink = uplinks.linkOf(tenant);
    const overlay = hosts.overlay();
    const endpoints = state.endpoints.of(tenant);
    return {
      host,
      networks: state.networks.of(tenant),
      services: state.services.listOf(tenant),
      endpoints: endpoints.filter((endpoint) => endpoint.host === host),
      ...(overlay ? { overlay: { ...overlay, endpoints: endpoints.filter((endpoint) => endpoint.host !== host) } } : {}),
      ...(uplink ? { uplink } : {}),
      hostAccess: known !== undefined && hasHostAccess(known),
    };
  }
}

/** The same list, if no port is published: it may be long, and is told apart as an object. */
function withPublished(services: readonly NatService[], published: readonly NatService[]): readonly NatService[] {
  return published.length === 0 ? services : [...services, ...published];
}

function isAlive(state: string | undefined): boolean {
  return state === 'running' || state === 'paused';
}
