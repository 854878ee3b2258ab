import { diffFabric } from '../../src/fabric/diff.js';
import { fabricState } from '../../src/fabric/keys.js';
import type { FabricState } from '../../src/fabric/state.js';
import { keys } from '../../src/model/keys.js';
import { messageOf } from '../../src/model/errors.js';
import { planSegment, probeRouter } from '../../src/probe/segment.js';
import type { Kernel } from '../kernel/port.js';
import type { Logger } from './logger.js';
import { Reconciler } from './reconciler.js';
import type { State } from './state.js';

interface Parts {
  readonly kernel: Pick<Kernel, 'routers' | 'fabric'>;
  readonly state: State;
  readonly host: string;
  /** Of VXLAN, UDP. */
  readonly vxlanPort: number;
  readonly log: Logger;
}

/** There is one segment to reconcile, under this key. */
const key = 'segment';

/** Where there are no other hosts, or none any more. */
export async function removeSegment(routers: Pick<Kernel['routers'], 'list' | 'remove'>): Promise<void> {
  if ((await routers.list()).includes(probeRouter)) await routers.remove(probeRouter);
}

/** Keeps the segment of no tenant in the kernel, through which the way to the other hosts is measured. */
export class HostSegment {
  private readonly reconciler: Reconciler;
  private held: FabricState | undefined;
  /** What it was last made for, as text. */
  private wish = '';
  private failure: string | undefined;

  constructor(private readonly parts: Parts) {
    this.reconciler = new Reconciler('host-segment', () => this.pass(), parts.log);
  }

  /** Why it is not there. */
  get error(): string | undefined {
    return this.failure;
  }

  /** Something may have changed. Cheap. */
  follow(): void {
    if (this.wished() !== this.wish) this.reconciler.enqueue(key);
  }

  /** Reads it again, and repairs what differs. */
  verify(): void {
    this.held = undefined;
    this.reconciler.enqueue(key);
  }

  /** Does so if somebody may have changed it. Cheap. */
  look(): void {
    const { routers, fabric } = this.parts.kernel;
    if (this.held && (!routers.isIntact(probeRouter) || fabric.changedByOthers(probeRouter) !== 'nothing')) this.verify();
  }

  stop(): Promise<void> {
    return this.reconciler.stop();
  }

  private async pass(): Promise<void> {
    const wish = this.wished();
    if (wish === this.wish && this.held) return;
    const desired = this.desired();
    this.wish = '';
    try {
      await (desired ? this.bring(desired) : removeSegment(this.parts.kernel.routers));
      this.failure = undefined;
    } catch (error) {
      this.held = undefined;
      this.failure = messageOf(error);
      throw error;
    }
    this.held = desired ?? fabricState({});
    this.wish = wish;
  }

  private async bring(desired: FabricState): Promise<void> {
    const { routers, fabric } = this.parts.kernel;
    await routers.ensure(probeRouter);
    routers.leaveNetfilterToBridges(probeRouter);
    fabric.changedByOthers(probeRouter);
    const steps = diffFabric(desired, this.held ?? (await fabric.read(probeRouter)));
    this.held = undefined;
    if (steps.length > 0) await fabric.apply(probeRouter, steps);
  }

  /** Undefined: there are no others. */
  private desired(): FabricState | undefined {
    const { state, host, vxlanPort } = this.parts;
    const own = state.hosts.get(keys.host(host))?.value;
    const others = state.hosts.values().filter(({ name }) => name !== host);
    return own && others.length > 0 ? planSegment(own, others, vxlanPort) : undefined;
  }

  /** All that it depends on, as text. */
  private wished(): string {
    return JSON.stringify(this.parts.state.hosts.values().map(({ name, underlay, underlayMtu }) => [name, underlay, underlayMtu]).sort());
  }
}
