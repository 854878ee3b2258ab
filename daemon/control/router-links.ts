import { diffFabric } from '../../src/fabric/diff.js';
import { portName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import type { FabricInput, FabricState, FabricStep } from '../../src/fabric/state.js';
import type { Fabric } from '../kernel/port.js';
import { fabricDrift, type Drift } from './drift.js';
import { Pace } from './pace.js';

/** The links, addresses, routes and neighbours of one router. */
export class RouterLinks {
  private held: FabricState | undefined;
  private doubted = false;
  /** How long readings take. */
  readonly readings: Pace;
  /** The links that the last pass left in place: they are there whatever became of the rules afterwards. */
  private names: ReadonlySet<string> = new Set();
  /** Says that containers are without their link. */
  private lost: string | undefined;

  constructor(
    private readonly tenant: string,
    private readonly fabric: Fabric,
    clock: () => number,
  ) {
    this.readings = new Pace(clock);
  }

  get error(): string | undefined {
    return this.lost;
  }

  get areDoubted(): boolean {
    return this.doubted || this.held === undefined;
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  doubt(): void {
    this.doubted = true;
  }

  /** Doubts them if somebody may have changed them. Cheap. */
  look(): void {
    if (this.held && this.fabric.changedByOthers(this.tenant)) this.doubted = true;
  }

  /** Reads them if they are doubted or unknown. Returns what somebody else changed, as far as it was known what they were. */
  async recall(): Promise<Drift> {
    if (!this.areDoubted) return {};
    const before = this.held;
    this.fabric.changedByOthers(this.tenant);
    this.doubted = false;
    this.held = undefined;
    this.held = await this.readings.measure(() => this.fabric.read(this.tenant));
    return before ? fabricDrift(before, this.held) : {};
  }

  /**
   * To be called after {@link recall}. A port is made in the pass that serves its Join, when Docker waits to
   * move the peer into the container. A port that is missing later cannot be given back to a running container like that.
   * @param joining the endpoints, by id, for which Docker waits.
   * @returns the steps that were needed.
   */
  async bring(input: FabricInput, joining: ReadonlySet<string>): Promise<FabricStep[]> {
    const before = this.held;
    if (!before) throw new Error('the links must be recalled first');
    const there = input.endpoints.filter(({ id }) => before.links.has(portName(id)) || joining.has(id));
    const desired = planFabric({ ...input, endpoints: there });
    const steps = diffFabric(desired, before);
    // Unknown until the end: after a failure they are read.
    this.held = undefined;
    if (steps.length > 0) await this.apply(desired, steps);
    this.held = desired;
    this.names = new Set(desired.links.keys());
    const lost = input.endpoints.length - there.length;
    this.lost = lost === 0 ? undefined : `${lost} ${lost === 1 ? 'container has' : 'containers have'} lost the link to the network: restart them`;
    return steps;
  }

  /** Forgets all: the router is gone. */
  forget(): void {
    this.held = undefined;
    this.names = new Set();
  }

  /** All at once; if that fails, one by one, so that what cannot be done does not hold up the rest. */
  private async apply(desired: FabricState, steps: readonly FabricStep[]): Promise<void> {
    const { fabric } = this;
    try {
      await fabric.apply(this.tenant, steps);
    } catch (error) {
      const rest = diffFabric(desired, await fabric.read(this.tenant));
      for (const step of rest) await fabric.apply(this.tenant, [step]).catch(() => undefined);
      const found = await fabric.read(this.tenant);
      this.names = new Set(found.links.keys());
      if (diffFabric(desired, found).length > 0) throw error;
    }
  }
}
