import type { FabricInput } from '../../src/fabric/state.js';
import { messageOf } from '../../src/model/errors.js';
import { isTranslated, type Living } from '../../src/nat/flows.js';
import type { NatInput } from '../../src/nat/input.js';
import type { Kernel } from '../kernel/port.js';
import type { ContainerEnd } from './container-ends.js';
import { addDrift, countDrift, type Drift } from './drift.js';
import { FlowCleaner } from './flow-cleaner.js';
import { systemClock, type Clock } from './pace.js';
import { RouterLinks } from './router-links.js';
import { RouterRules } from './router-rules.js';

/** What a router must be. */
export interface RouterTarget {
  readonly fabric: FabricInput;
  readonly nat: NatInput;
  /** The endpoints, by id, for which Docker waits for a link. */
  readonly joining: ReadonlySet<string>;
  /** The containers that run, as far as that is known, by endpoint id. */
  readonly containers: ReadonlyMap<string, ContainerEnd>;
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
  drift: Drift;
  /** The link to the host was made: nothing is on the host's end yet. */
  uplinked: boolean;
}

type Stage = 'fabric' | 'nat';

/** The largest shares of the time that readings may take: while somebody keeps changing the router, and just to be sure. */
const shares = { onDoubt: 0.2, anyway: 0.003 } as const;
/**
 * How often links are verified before everything is, and planned anew. To read and plan the rules of a thousand services
 * takes seconds, and the number that the kernel gives them tells of every change.
 */
const thoroughEvery = 10;

/**
 * One tenant's router: brings it to what it must be, by the difference to what it holds. What it
 * holds is remembered, and read from the kernel at first, after a failure, and on doubt.
 */
export class Router {
  private readonly links: RouterLinks;
  private readonly rules: RouterRules;
  private readonly flows: FlowCleaner;
  /** The namespace and its settings are as they were ensured, as far as is known. */
  private intact = false;
  /** It was ensured before: what differs now is somebody else's doing. */
  private known = false;
  private passing = false;
  private verifications = 0;
  /** What passes that failed had found, and nobody was told of yet. */
  private untold: Drift = {};
  private readonly failures: { [stage in Stage]?: string } = {};

  constructor(
    private readonly tenant: string,
    private readonly kernel: Pick<Kernel, 'routers' | 'fabric' | 'nftables' | 'sandboxes' | 'conntrack'>,
    clock: Clock = systemClock,
  ) {
    this.links = new RouterLinks(tenant, kernel.fabric, kernel.sandboxes, clock);
    this.rules = new RouterRules(tenant, kernel.nftables, clock);
    this.flows = new FlowCleaner(tenant, kernel.conntrack);
  }

  /** Why the router is not what it must be; undefined when it is. */
  get error(): string | undefined {
    return this.failure ?? this.links.error;
  }

  /** Why the last pass could not do its work; undefined: it could. */
  get failure(): string | undefined {
    return this.failures.fabric ?? this.failures.nat;
  }

  /** How many elements, chains aside, its tables hold. */
  get elements(): number {
    return this.rules.elements;
  }

  holdsLink(name: string): boolean {
    return this.links.has(name);
  }

  /** The next pass reads the kernel. */
  doubt(): void {
    this.intact = false;
    this.links.doubt();
    this.rules.doubt();
  }

  /**
   * Makes sure that all is as it must be, without a reason to think otherwise, unless that was done not long ago
   * for how long it takes. Returns whether there is a reason for a pass.
   */
  async verify(): Promise<boolean> {
    if (!this.known || this.passing || !this.links.readings.allows(shares.anyway)) return false;
    this.verifications += 1;
    if (this.verifications % thoroughEvery === 0 && this.rules.readings.allows(shares.anyway)) this.doubt();
    else if (countDrift(await this.links.compare().catch(() => ({ link: 1 }))) > 0) this.links.doubt();
    return this.isDoubted;
  }

  /**
   * Doubts what somebody else seems to have changed. Cheap: nothing is read, only asked whether there is
   * something to read. Returns whether there is a reason for a pass.
   */
  async look(): Promise<boolean> {
    if (!this.known || this.passing) return false;
    try {
      if (!this.kernel.routers.isIntact(this.tenant)) this.intact = false;
      if (this.links.readings.allows(shares.onDoubt)) this.links.look();
      if (this.rules.readings.allows(shares.onDoubt)) await this.rules.look();
    } catch {
      // What cannot even be looked at is read: then it is told what is the matter.
      this.doubt();
    }
    return this.isDoubted;
  }

  /** What somebody else changed since the last pass, by reading all. Changes nothing. */
  async compare(): Promise<Drift> {
    if (!this.known) return {};
    if (!this.kernel.routers.isIntact(this.tenant)) return { namespace: 1 };
    return addDrift(await this.links.compare(), await this.rules.compare());
  }

  /** Learns what Docker made of a few links, while there is nothing else to do. Returns whether there is a reason for a pass. */
  async learn(): Promise<boolean> {
    return this.known && !this.passing && (await this.links.learn());
  }

  /**
   * One pass at a time. Rules come before links: of a provider that leaves they must know before its link
   * goes, a service IP must not be answered before it is balanced, and a router without rules forwards
   * everything. Before the rules comes the bridge netfilter that the answers of new providers need. What fails does not hold up the rest; the pass then rejects, and the next one reads
   * what is not known for sure.
   */
  async reconcile(target: RouterTarget): Promise<RouterChanges> {
    this.passing = true;
    try {
      return await this.pass(target);
    } finally {
      this.passing = false;
    }
  }

  /** The namespace and all in it goes. */
  async remove(): Promise<void> {
    await this.stage('fabric', () => this.kernel.routers.remove(this.tenant));
    this.links.forget();
    this.rules.forget();
    this.flows.forget();
    this.intact = false;
    this.known = false;
  }

  private get isDoubted(): boolean {
    return !this.intact || this.links.areDoubted || this.rules.areDoubted;
  }

  private async pass(target: RouterTarget): Promise<RouterChanges> {
    const changes: RouterChanges = { steps: 0, operations: 0, flows: 0, drift: this.untold, uplinked: false };
    try {
      await this.work(target, changes);
      this.untold = {};
      return changes;
    } catch (error) {
      this.untold = changes.drift;
      throw error;
    }
  }

  private async work(target: RouterTarget, changes: RouterChanges): Promise<void> {
    const failedBefore = this.failure !== undefined;
    await this.stage('fabric', () => this.ensure(changes)).catch((error: unknown) => this.failed(error));
    const netfilter = await this.stage('fabric', () => this.bringNetfilter(target, changes)).catch(asFailure);
    const rules = await this.stage('nat', () => this.bringRules(target, changes)).catch(asFailure);
    // Without any rules no link may come up.
    const links = this.rules.areThere ? await this.stage('fabric', () => this.bringLinks(target, changes)).catch(asFailure) : undefined;
    const counts = rules ? undefined : await this.stage('nat', () => this.bringCounts(changes)).catch(asFailure);
    const flows = rules ? undefined : await this.stage('nat', () => this.cleanFlows(target, changes)).catch(asFailure);
    const failure = netfilter ?? rules ?? links ?? counts ?? flows;
    if (failure) return this.failed(failure.reason);
    // Once it works again, nothing that was thought during the trouble is relied on.
    if (failedBefore) this.doubt();
  }

  private failed(error: unknown): never {
    this.flows.forget();
    throw error;
  }

  private async ensure(changes: RouterChanges): Promise<void> {
    if (this.intact && !this.links.areDoubted) return;
    const { namespace, settings } = await this.kernel.routers.ensure(this.tenant);
    if (namespace !== 'found') this.doubt();
    if (this.known) changes.drift = addDrift(changes.drift, { namespace: namespace === 'found' ? 0 : 1, setting: settings });
  }

  /**
   * What answers of providers need is there before it no longer comes from a setting of the whole router: such a router is one of an older
   * version, and what is open there may be of services that are deleted. In a router that is known it is somebody else's doing, and nothing rests on it.
   */
  private async bringNetfilter({ fabric }: RouterTarget, changes: RouterChanges): Promise<void> {
    const { conntrack, routers } = this.kernel;
    changes.drift = addDrift(changes.drift, await this.links.recall());
    const common = !this.intact && !routers.isNetfilterWithBridges(this.tenant);
    const connected = common && !this.known && !this.links.areNone ? (await conntrack.list(this.tenant)).filter(isTranslated).flatMap(({ client, provider }) => [client.address, provider.address]) : [];
    changes.steps += await this.links.bringNetfilter(fabric, connected);
    const settings = common ? routers.leaveNetfilterToBridges(this.tenant) : 0;
    if (this.known) changes.drift = addDrift(changes.drift, { setting: settings });
    this.known = true;
    this.intact = true;
  }

  /**
   * While nobody knows the providers the rules that are there stay as they are. Where there are none,
   * the constant ones are needed all the same: they keep networks apart.
   */
  private async bringRules({ nat, living }: RouterTarget, changes: RouterChanges): Promise<void> {
    const drift = await this.rules.recall();
    changes.drift = addDrift(changes.drift, drift);
    if (countDrift(drift) > 0) this.flows.forget();
    if (living || !this.rules.areThere) changes.operations = await this.rules.bring(nat);
  }

  private async bringLinks({ fabric, joining, containers }: RouterTarget, changes: RouterChanges): Promise<void> {
    changes.drift = addDrift(changes.drift, await this.links.recall());
    const steps = await this.links.bring(fabric, joining, containers);
    changes.steps += steps.length;
    changes.uplinked = steps.some(({ action }) => action === 'createUplink');
  }

  /** With very many services only when all of them can be reached. */
  private async bringCounts(changes: RouterChanges): Promise<void> {
    changes.operations += await this.rules.count();
  }

  /** Only after the rules: what is new then no longer goes to those who are gone. */
  private async cleanFlows({ living }: RouterTarget, changes: RouterChanges): Promise<void> {
    if (living) changes.flows = await this.flows.clean(living);
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
}

function asFailure(reason: unknown): { readonly reason: unknown } {
  return { reason };
}
