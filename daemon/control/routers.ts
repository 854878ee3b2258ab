import { diffFabric } from '../../src/fabric/diff.js';
import { portName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import type { FabricState } from '../../src/fabric/state.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { messageOf, NetctlError } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { countOperations, diffNat } from '../../src/nat/diff.js';
import type { Living } from '../../src/nat/flows.js';
import { planNat } from '../../src/nat/plan.js';
import type { NatState } from '../../src/nat/state.js';
import type { Kernel } from '../kernel/port.js';
import type { Containers } from './containers.js';
import { FlowCleaner } from './flow-cleaner.js';
import type { Logger } from './logger.js';
import type { Membership, Providers } from './providers.js';
import { Reconciler } from './reconciler.js';
import { fabricInput, natInput, type TenantOnHost } from './router-inputs.js';
import type { State } from './state.js';

/** What is counted of the routers' passes. */
export interface RouterMetrics {
  /** A pass ended. `steps` and `operations` are the changes made to links and to nftables elements. */
  passed(tenant: string, pass: { readonly seconds: number; readonly steps: number; readonly operations: number; readonly failed: boolean }): void;
}

interface Parts {
  readonly kernel: Kernel;
  readonly state: State;
  readonly containers: Containers;
  readonly providers: Providers;
  readonly host: string;
  readonly log: Logger;
  readonly metrics: RouterMetrics;
}

/** What a router holds, as far as is known. Forgotten after any failure, and read again from the kernel. */
interface Held {
  fabric: FabricState;
  /** Absent: the tables are missing, or not of this version. */
  nat: NatState | undefined;
}

interface Status {
  fabric?: string;
  nat?: string;
}

/**
 * Keeps every tenant's router as it should be: plans from the whole state of the tenant, applies the
 * difference to what the router holds, and after a failure reads the router anew.
 */
export class Routers {
  private readonly held = new Map<string, Held>();
  private readonly statuses = new Map<string, Status>();
  /** Tenants whose router is to be read again although nothing failed. */
  private readonly unverified = new Set<string>();
  private readonly reconciler: Reconciler;
  private readonly flows: FlowCleaner;

  constructor(private readonly parts: Parts) {
    this.reconciler = new Reconciler('router', (tenant) => this.reconcile(tenant), parts.log);
    this.flows = new FlowCleaner(parts.kernel.conntrack, parts.log);
  }

  /** Follows all changes from now on. Routers of tenants that are no more are removed. */
  async start(): Promise<void> {
    const { kernel, state, containers } = this.parts;
    state.onChange((tenants) => tenants.forEach((tenant) => this.reconciler.enqueue(tenant)));
    containers.onChange((before, after) => this.containerChanged([before, after].flatMap((container) => container?.attachments ?? [])));
    containers.onConnected(() => this.enqueueAll());
    for (const tenant of await kernel.routers.list()) this.reconciler.enqueue(tenant);
    this.enqueueAll();
  }

  async stop(): Promise<void> {
    await this.reconciler.stop();
  }

  /** Resolves when all that is true now is in the kernel, or could not be brought there: see {@link errorOf}. */
  sync(tenant: string): Promise<void> {
    return this.reconciler.sync(tenant);
  }

  /** Resolves when the endpoint's link is there. @throws NetctlError if it could not be made. */
  async attach(tenant: string, endpointId: string): Promise<void> {
    await this.reconciler.sync(tenant);
    if (this.held.get(tenant)?.fabric.links.has(portName(endpointId))) return;
    const reason = this.statuses.get(tenant)?.fabric ?? 'its network is gone';
    throw new NetctlError('internal', `the link of endpoint ${endpointId.slice(0, 12)} could not be made: ${reason}`);
  }

  /** Resolves when the endpoint's link is gone, or could not be removed yet. */
  async detach(tenant: string, _endpointId: string): Promise<void> {
    await this.reconciler.sync(tenant);
  }

  /** Reads every router again and repairs what differs. */
  verifyAll(): void {
    for (const tenant of this.held.keys()) this.unverified.add(tenant);
    this.enqueueAll();
  }

  errorOf(tenant: string): string | undefined {
    const { fabric, nat } = this.statuses.get(tenant) ?? {};
    return fabric ?? nat;
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
    const started = performance.now();
    const changes = { steps: 0, operations: 0 };
    let failed = true;
    try {
      await this.bring(tenant, changes);
      failed = false;
    } finally {
      if (failed) this.readAnew(tenant);
      this.parts.metrics.passed(tenant, { seconds: (performance.now() - started) / 1000, ...changes, failed });
    }
  }

  private async bring(tenant: string, changes: { steps: number; operations: number }): Promise<void> {
    const onHost = this.onHost(tenant);
    if (onHost.networks.length === 0) return this.remove(tenant);
    if (this.unverified.delete(tenant)) this.readAnew(tenant);
    const held = this.held.get(tenant) ?? (await this.read(tenant));
    this.held.set(tenant, held);
    // A router without rules forwards everything: they come before the first link does.
    if (!held.nat) changes.operations = await this.stage(tenant, 'nat', () => this.bringNat(tenant, onHost, held));
    changes.steps = await this.stage(tenant, 'fabric', () => this.bringFabric(tenant, onHost, held));
    changes.operations += await this.stage(tenant, 'nat', () => this.bringNat(tenant, onHost, held));
    if (changes.steps + changes.operations > 0) {
      this.parts.log.info({ event: 'router-changed', tenant, ...changes }, 'changed the router');
    }
  }

  /** Runs one stage; what fails is remembered as the tenant's status until it succeeds. */
  private async stage<T>(tenant: string, name: keyof Status, work: () => Promise<T>): Promise<T> {
    const status = this.statuses.get(tenant) ?? {};
    this.statuses.set(tenant, status);
    try {
      const result = await work();
      delete status[name];
      return result;
    } catch (error) {
      status[name] = messageOf(error);
      throw error;
    }
  }

  private read(tenant: string): Promise<Held> {
    const { kernel } = this.parts;
    return this.stage(tenant, 'fabric', async () => {
      await kernel.routers.ensure(tenant);
      return { fabric: await kernel.fabric.read(tenant), nat: await kernel.nftables.read(tenant) };
    });
  }

  /** Nothing that is thought to be in the router is relied on any more. */
  private readAnew(tenant: string): void {
    this.held.delete(tenant);
    this.flows.forget(tenant);
  }

  private async remove(tenant: string): Promise<void> {
    await this.stage(tenant, 'fabric', () => this.parts.kernel.routers.remove(tenant));
    this.readAnew(tenant);
    this.statuses.delete(tenant);
  }

  private async bringFabric(tenant: string, onHost: TenantOnHost, held: Held): Promise<number> {
    const desired = planFabric(fabricInput(onHost));
    const steps = diffFabric(desired, held.fabric);
    if (steps.length > 0) await this.parts.kernel.fabric.apply(tenant, steps);
    held.fabric = desired;
    return steps.length;
  }

  /**
   * Until Docker has told of its containers nobody knows the providers: the rules that are there stay
   * as they are. Where there are none, the constant ones are needed at once: they keep networks apart.
   */
  private async bringNat(tenant: string, onHost: TenantOnHost, held: Held): Promise<number> {
    const { containers, providers } = this.parts;
    if (held.nat && !containers.areKnown) return 0;
    const membership = providers.membership(tenant);
    const desired = planNat(natInput(onHost, (service) => providers.of(service, membership)), held.nat);
    const operations = await this.applyNat(tenant, desired, held.nat);
    held.nat = desired;
    if (containers.areKnown) await this.flows.clean(tenant, this.living(onHost, membership));
    return operations;
  }

  private async applyNat(tenant: string, desired: NatState, held: NatState | undefined): Promise<number> {
    const { nftables } = this.parts.kernel;
    if (!held) {
      await nftables.replace(tenant, desired);
      return 1;
    }
    const change = diffNat(desired, held);
    const operations = countOperations(change);
    if (operations > 0) await nftables.apply(tenant, change);
    return operations;
  }

  /** A container that Docker has not told of yet counts as living: its endpoint was made a moment ago. */
  private living({ services, endpoints }: TenantOnHost, membership: Membership): Living {
    const { containers, providers } = this.parts;
    const alive = endpoints.filter(({ id, sandboxKey }) => {
      const state = containers.ofEndpoint(id)?.state;
      return sandboxKey !== undefined && (state === undefined || state === 'running' || state === 'paused');
    });
    return {
      addresses: alive.flatMap((endpoint) => endpoint.addresses),
      services: services.map((service) => ({ ...service, providers: providers.answering(service, membership) })),
    };
  }

  private onHost(tenant: string): TenantOnHost {
    const { state, host } = this.parts;
    return {
      networks: state.networks.of(tenant),
      services: state.services.of(tenant),
      endpoints: state.endpoints.of(tenant).filter((endpoint: Endpoint) => endpoint.host === host),
    };
  }
}
