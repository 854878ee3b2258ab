import { diffFabric } from '../../src/fabric/diff.js';
import { planFabric } from '../../src/fabric/plan.js';
import type { FabricInput, FabricState } from '../../src/fabric/state.js';
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
}

/** What the router holds, as far as is known. */
interface Held {
  fabric: FabricState;
  /** Absent: the tables are missing, or not of this version. */
  nat: NatState | undefined;
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
    return this.failures.fabric ?? this.failures.nat;
  }

  /** How many elements, chains aside, its tables hold. */
  get elements(): number {
    const { nat } = this.held ?? {};
    return nat ? [nat.ip, nat.ip6].reduce((sum, { ports, serviceIps, hairpins, bridges }) => sum + ports.size + serviceIps.size + hairpins.size + bridges.size, 0) : 0;
  }

  holdsLink(name: string): boolean {
    return this.links.has(name);
  }

  /** The next pass reads the kernel. */
  doubt(): void {
    this.doubted = true;
  }

  /** One pass at a time. Rejects with what failed; the next pass then begins with reading. */
  async reconcile(target: RouterTarget): Promise<RouterChanges> {
    const changes: RouterChanges = { steps: 0, operations: 0, flows: 0, drift: 0 };
    try {
      const held = await this.look(changes);
      // A router without rules forwards everything: they come before the first link does.
      if (!held.nat) changes.operations += await this.stage('nat', () => this.bringNat(target, held));
      changes.steps = await this.stage('fabric', () => this.bringFabric(target.fabric, held));
      changes.operations += await this.stage('nat', () => this.bringNat(target, held));
      const { living } = target;
      if (living) changes.flows = await this.stage('nat', () => this.flows.clean(living));
      return changes;
    } catch (error) {
      this.held = undefined;
      this.flows.forget();
      throw error;
    }
  }

  /** The namespace and all in it goes. */
  async remove(): Promise<void> {
    await this.stage('fabric', () => this.kernel.routers.remove(this.tenant));
    this.links = new Set();
    this.held = undefined;
    this.flows.forget();
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

  private async bringFabric(input: FabricInput, held: Held): Promise<number> {
    const desired = planFabric(input);
    const steps = diffFabric(desired, held.fabric);
    this.links = new Set();
    if (steps.length > 0) await this.kernel.fabric.apply(this.tenant, steps);
    held.fabric = desired;
    this.links = new Set(desired.links.keys());
    return steps.length;
  }

  /**
   * While nobody knows the providers the rules that are there stay as they are. Where there are none,
   * the constant ones are needed all the same: they keep networks apart.
   */
  private async bringNat({ nat, living }: RouterTarget, held: Held): Promise<number> {
    if (held.nat && !living) return 0;
    const desired = planNat(nat, held.nat);
    const operations = await this.applyNat(desired, held.nat);
    held.nat = desired;
    return operations;
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
}

/** How many changes lie between what was applied and what is there. Missing tables are one. */
function difference(applied: Held, found: Held): number {
  const steps = diffFabric(applied.fabric, found.fabric).length;
  if (!applied.nat || !found.nat) return steps + (applied.nat === found.nat ? 0 : 1);
  return steps + countOperations(diffNat(applied.nat, found.nat));
}
