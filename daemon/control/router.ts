import { diffFabric } from '../../src/fabric/diff.js';
import { portName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import type { FabricInput, FabricState, FabricStep } from '../../src/fabric/state.js';
import { messageOf } from '../../src/model/errors.js';
import { countOperations, diffNat } from '../../src/nat/diff.js';
import type { Living } from '../../src/nat/flows.js';
import type { NatInput } from '../../src/nat/input.js';
import { planNat } from '../../src/nat/plan.js';
import type { NatState } from '../../src/nat/state.js';
import type { Kernel } from '../kernel/port.js';
import { FlowCleaner } from './flow-cleaner.js';

/** What a router must be. */
export interface RouterTarget {
  readonly fabric: FabricInput;
  readonly nat: NatInput;
  /** The endpoints, by id, for which Docker waits for a link. */
  readonly joining: ReadonlySet<string>;
  /** Who may keep their connections; absent: nobody knows who the providers are. */
  readonly living?: Living;
}

/** What one pass did. */
export interface RouterChanges {
  /** Changes to links, addresses, routes and neighbours. */
  steps: number;
  /** Changes to nftables elements; a whole new table counts as one. */
  operations: number;
  /** Connections that were ended because their provider is gone. */
  flows: number;
  /** Differences that somebody else had made since the last pass, found by reading the kernel. */
  drift: number;
  /** The link to the host was made: nothing is on the host's end yet. */
  uplinked: boolean;
}

/** What the router holds, as far as is known. */
interface Held {
  fabric: FabricState;
  nat: NatState | 'missing' | 'foreign';
}

type Stage = 'fabric' | 'nat';

/**
 * One tenant's router: brings it to what it must be, by the difference to what it holds. What it
 * holds is remembered, and read from the kernel at first, after a failure, and on doubt.
 */
export class Router {
  private held: Held | undefined;
  /** The links that the last pass left in place: they are there whatever became of the rules afterwards. */
  private links: ReadonlySet<string> = new Set();
  /** Says that containers are without their link. */
  private lost: string | undefined;
  private doubted = false;
  private readonly failures: { [stage in Stage]?: string } = {};
  private readonly flows: FlowCleaner;

  constructor(
    private readonly tenant: string,
    private readonly kernel: Kernel,
  ) {
    this.flows = new FlowCleaner(tenant, kernel.conntrack);
  }

  /** Why the router is not what it must be; undefined when it is. */
  get error(): string | undefined {
    return this.failure ?? this.lost;
  }

  /** Why the last pass could not do its work; undefined: it could. */
  get failure(): string | undefined {
    return this.failures.fabric ?? this.failures.nat;
  }

  /** How many elements, chains aside, its tables hold. */
  get elements(): number {
    const { nat } = this.held ?? {};
    return typeof nat === 'object' ? [nat.ip, nat.ip6].reduce((sum, { ports, serviceIps, hairpins, bridges }) => sum + ports.size + serviceIps.size + hairpins.size + bridges.size, 0) : 0;
  }

  holdsLink(name: string): boolean {
    return this.links.has(name);
  }

  /** The next pass reads the kernel. */
  doubt(): void {
    this.doubted = true;
  }

  /**
   * One pass at a time. Rules come first: of a provider that leaves they must know before its link
   * goes, a service IP must not be answered before it is balanced, and a router without rules forwards
   * everything. What fails does not hold up the rest; the pass then rejects, and the next one reads
   * the kernel.
   */
  async reconcile(target: RouterTarget): Promise<RouterChanges> {
    const changes: RouterChanges = { steps: 0, operations: 0, flows: 0, drift: 0, uplinked: false };
    const held = await this.look(changes).catch((error: unknown) => this.failed(error));
    const rules = await this.stage('nat', () => this.bringNat(target, held, changes)).catch(asFailure);
    // Without any rules no link may come up.
    const links = held.nat === 'missing' ? undefined : await this.stage('fabric', () => this.bringFabric(target, held, changes)).catch(asFailure);
    const flows = rules ? undefined : await this.stage('nat', () => this.cleanFlows(target, changes)).catch(asFailure);
    const failure = rules ?? links ?? flows;
    return failure ? this.failed(failure.reason) : changes;
  }

  /** The namespace and all in it goes. */
  async remove(): Promise<void> {
    await this.stage('fabric', () => this.kernel.routers.remove(this.tenant));
    this.links = new Set();
    this.held = undefined;
    this.flows.forget();
  }

  private failed(error: unknown): never {
    this.held = undefined;
    this.flows.forget();
    throw error;
  }

  private async look(changes: RouterChanges): Promise<Held> {
    if (this.held && !this.doubted) return this.held;
    const before = this.held;
    this.held = await this.stage('fabric', () => this.read());
    this.doubted = false;
    this.flows.forget();
    if (before) changes.drift = difference(before, this.held);
    return this.held;
  }

  private async read(): Promise<Held> {
    const { routers, fabric, nftables } = this.kernel;
    await routers.ensure(this.tenant);
    return { fabric: await fabric.read(this.tenant), nat: await nftables.read(this.tenant) };
  }

  /** Runs one stage; what fails is the router's error until the stage succeeds. */
  private async stage<T>(stage: Stage, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      delete this.failures[stage];
      return result;
    } catch (error) {
      this.failures[stage] = messageOf(error);
      throw error;
    }
  }

  /**
   * A port is made in the pass that serves its Join, when Docker waits to move the peer into the
   * container. A port that is missing later cannot be given back to a running container like that.
   */
  private async bringFabric({ fabric: input, joining }: RouterTarget, held: Held, changes: RouterChanges): Promise<void> {
    const there = input.endpoints.filter(({ id }) => held.fabric.links.has(portName(id)) || joining.has(id));
    const desired = planFabric({ ...input, endpoints: there });
    const steps = diffFabric(desired, held.fabric);
    changes.uplinked = steps.some(({ action }) => action === 'createUplink');
    if (steps.length > 0) held.fabric = await this.applySteps(desired, steps);
    changes.steps = steps.length;
    this.links = new Set(desired.links.keys());
    const lost = input.endpoints.length - there.length;
    this.lost = lost === 0 ? undefined : `${lost} ${lost === 1 ? 'container has' : 'containers have'} lost the link to the network: restart them`;
  }

  /** All at once; if that fails, one by one, so that what cannot be done does not hold up the rest. */
  private async applySteps(desired: FabricState, steps: readonly FabricStep[]): Promise<FabricState> {
    const { fabric } = this.kernel;
    try {
      await fabric.apply(this.tenant, steps);
      return desired;
    } catch (error) {
      const rest = diffFabric(desired, await fabric.read(this.tenant));
      for (const step of rest) await fabric.apply(this.tenant, [step]).catch(() => undefined);
      const found = await fabric.read(this.tenant);
      this.links = new Set(found.links.keys());
      if (diffFabric(desired, found).length > 0) throw error;
      return desired;
    }
  }

  /**
   * While nobody knows the providers the rules that are there stay as they are. Where there are none,
   * the constant ones are needed all the same: they keep networks apart.
   */
  private async bringNat({ nat, living }: RouterTarget, held: Held, changes: RouterChanges): Promise<void> {
    if (held.nat !== 'missing' && !living) return;
    const before = typeof held.nat === 'object' ? held.nat : undefined;
    const desired = planNat(nat, before);
    changes.operations = await this.applyNat(desired, before);
    held.nat = desired;
  }

  private async applyNat(desired: NatState, held: NatState | undefined): Promise<number> {
    if (!held) {
      await this.kernel.nftables.replace(this.tenant, desired);
      return 1;
    }
    const change = diffNat(desired, held);
    const operations = countOperations(change);
    if (operations > 0) await this.kernel.nftables.apply(this.tenant, change);
    return operations;
  }

  /** Only after the rules: what is new then no longer goes to those who are gone. */
  private async cleanFlows({ living }: RouterTarget, changes: RouterChanges): Promise<void> {
    if (living) changes.flows = await this.flows.clean(living);
  }
}

function asFailure(reason: unknown): { readonly reason: unknown } {
  return { reason };
}

/** How many changes lie between what was applied and what is there. Missing tables are one. */
function difference(applied: Held, found: Held): number {
  const steps = diffFabric(applied.fabric, found.fabric).length;
  if (typeof applied.nat === 'string' || typeof found.nat === 'string') return steps + (applied.nat === found.nat ? 0 : 1);
  return steps + countOperations(diffNat(applied.nat, found.nat));
}
