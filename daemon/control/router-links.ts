import { diffFabric } from '../../src/fabric/diff.js';
import { fabricState } from '../../src/fabric/keys.js';
import { bridgeName, portName } from '../../src/fabric/names.js';
import { netfilterBridges, netfilterSteps, withLasting, withNetfilter } from '../../src/fabric/netfilter.js';
import { endpointMtus, merged, planSegments } from '../../src/fabric/plan.js';
import { StandingServices } from '../../src/fabric/services.js';
import type { FabricEndpoint, FabricInput, FabricNetwork, FabricState, FabricStep } from '../../src/fabric/state.js';
import type { IpAddress } from '../../src/model/address.js';
import { larger, type Fabric, type FabricChange, type Sandboxes } from '../kernel/port.js';
import { ContainerEnds, type ContainerEnd } from './container-ends.js';
import { fabricDrift, type Drift } from './drift.js';
import { Pace, type Clock } from './pace.js';

/** What a router holds for service IPs, and all else. In what was read these are not told apart: it is all else. */
interface Held {
  readonly services: FabricState;
  readonly segments: FabricState;
}

const nothing = fabricState({});

/** The links, addresses, routes and neighbours of one router. */
export class RouterLinks {
  private held: Held | undefined;
  /** What may not be as it is held. */
  private doubts: FabricChange = 'nothing';
  /** How long readings take. */
  readonly readings: Pace;
  private readonly ends: ContainerEnds;
  /** Of the endpoints that had a port after the last pass. */
  private ported: ReadonlyMap<string, ContainerEnd> = new Map();
  /** Of the endpoints' links at the last pass, in bytes, by endpoint id. */
  private mtus: ReadonlyMap<string, number> = new Map();
  /** The links that the last pass left in place: they are there whatever became of the rules afterwards. */
  private names: ReadonlySet<string> = new Set();
  /** The bridges to which netfilter was given. Somebody may have taken it from them, or made them anew. */
  private netfilter: ReadonlySet<string> = new Set();
  /** What is planned for service IPs. If it is what is held for them, only what changes of them is looked at. */
  private services: StandingServices | undefined;
  /** Says that containers are without their link. */
  private lost: string | undefined;

  constructor(
    private readonly tenant: string,
    private readonly fabric: Fabric,
    sandboxes: Sandboxes,
    clock: Clock,
  ) {
    this.readings = new Pace(clock);
    this.ends = new ContainerEnds(sandboxes);
  }

  get error(): string | undefined {
    return this.lost;
  }

  /** Nothing of ours is in the router, as far as is known. */
  get areNone(): boolean {
    return this.held?.segments.links.size === 0;
  }

  get areDoubted(): boolean {
    return this.doubts !== 'nothing' || this.held === undefined;
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  doubt(): void {
    this.doubts = 'anything';
    this.ends.doubt();
  }

  /** Doubts them if somebody may have changed them. Cheap. */
  look(): void {
    if (this.held) this.doubts = larger(this.doubts, this.fabric.changedByOthers(this.tenant));
  }

  /** Learns what Docker made of a few links. Doubts them, and returns true, if one is not where it should be. */
  async learn(): Promise<boolean> {
    const adrift = await this.ends.learn(this.ported, this.mtus);
    if (adrift) this.doubts = 'anything';
    return adrift;
  }

  /** Reads them if they are doubted or unknown. Returns what somebody else changed, as far as it was known what they were. */
  async recall(): Promise<Drift> {
    if (!this.areDoubted) return {};
    const before = this.held;
    const doubts = larger(this.doubts, this.fabric.changedByOthers(this.tenant));
    this.doubts = 'nothing';
    this.held = undefined;
    if (before && doubts === 'ports') return this.recallLinks(before);
    const found = await this.readings.measure(() => this.fabric.read(this.tenant));
    this.held = { services: nothing, segments: found };
    return before ? fabricDrift(allOf(before), found) : {};
  }

  /** Containers that come and go change nothing but the links of their endpoints: to read all the rest for each of them would take longer than all else. */
  private async recallLinks({ services, segments }: Held): Promise<Drift> {
    const found = { ...segments, links: await this.readings.measure(() => this.fabric.readLinks(this.tenant)) };
    this.held = { services, segments: found };
    return fabricDrift(segments, found);
  }

  /**
   * To be called after {@link recall}, and before the rules lead to new providers: gives bridge netfilter to the bridges that are there
   * and must have it. Those that are not there yet are made with it.
   * @param connected who is at the ends of open connections
   * @returns how many steps were needed.
   */
  async bringNetfilter({ networks }: FabricInput, connected: readonly IpAddress[]): Promise<number> {
    const before = this.held;
    if (!before) throw new Error('the links must be recalled first');
    const bridges = this.lasting(networks, before.segments, connected).map(({ vni, netfilter }) => ({ name: bridgeName(vni), netfilter: netfilter === true }));
    const steps = netfilterSteps(bridges, before.segments);
    if (steps.length === 0) return 0;
    // Unknown until the end: after a failure they are read.
    this.held = undefined;
    await this.fabric.apply(this.tenant, steps);
    this.held = { ...before, segments: withNetfilter(before.segments, this.netfilter) };
    return steps.length;
  }

  /**
   * To be called after {@link recall}. A port is made in the pass that serves its Join, when Docker waits to
   * move the peer into the container. One that is missing later is made for a container that is known to run,
   * and its peer moved there by us: Docker is done with it, and would wait for nothing.
   * @param joining the endpoints, by id, for which Docker waits.
   * @param containers those that run, by endpoint id.
   * @returns the steps that were needed.
   */
  async bring(target: FabricInput, joining: ReadonlySet<string>, containers: ReadonlyMap<string, ContainerEnd>): Promise<FabricStep[]> {
    const before = this.held;
    if (!before) throw new Error('the links must be recalled first');
    const input = { ...target, networks: this.lasting(target.networks, before.segments) };
    this.mtus = endpointMtus(input);
    await this.ends.resize(this.ported, this.mtus);
    const { there, bereft } = await this.sort(input, before.segments, joining, containers);
    const planned = planSegments({ ...input, endpoints: [...there, ...bereft] });
    const { services, steps } = this.plan(input, planned, before);
    // Unknown until the end: after a failure they are read.
    this.held = undefined;
    if (steps.length > 0) await this.apply({ services, segments: planned }, steps);
    const given = await this.give(bereft, containers);
    const desired = given.length === bereft.length ? planned : planSegments({ ...input, endpoints: [...there, ...given] });
    const rest = desired === planned ? [] : diffFabric(desired, planned);
    if (rest.length > 0) await this.apply({ services, segments: desired }, rest);
    this.held = { services, segments: desired };
    this.names = new Set(desired.links.keys());
    const ported = [...there.filter(({ id }) => !joining.has(id)), ...given].map(({ id }) => id);
    this.ported = new Map([...containers].filter(([id]) => ported.includes(id)));
    this.lost = sentenceOf(input.endpoints.length - there.length - given.length, this.ends.failure);
    return [...steps, ...rest];
  }

  /** What somebody else changed since the last pass, by reading all; nothing if it is not known what they were. */
  async compare(): Promise<Drift> {
    const { held } = this;
    if (!held) return {};
    const found = await this.readings.measure(() => this.fabric.read(this.tenant));
    return this.held === held ? fabricDrift(allOf(held), found) : {};
  }

  /** Forgets all: the router is gone. */
  forget(): void {
    this.held = undefined;
    this.names = new Set();
    this.netfilter = new Set();
  }

  /** @returns what is to be held for service IPs, and all steps to that and to the planned segments. */
  private plan(input: FabricInput, segments: FabricState, before: Held): { services: FabricState; steps: FabricStep[] } {
    const standing = this.services?.isFor(input) ? this.services : new StandingServices(input);
    this.services = standing;
    const { state: services } = standing;
    if (before.services === services) return { services, steps: standing.change(input.serviceAddresses, diffFabric(segments, before.segments)) };
    standing.change(input.serviceAddresses);
    return { services, steps: diffFabric(allOf({ services, segments }), allOf(before)) };
  }

  /** The networks, with the netfilter that they have, had or need. What is no network any more is forgotten. */
  private lasting(networks: readonly FabricNetwork[], before: FabricState, connected: readonly IpAddress[] = []): FabricNetwork[] {
    const lasting = withLasting(networks, new Set([...this.netfilter, ...netfilterBridges(before)]), connected);
    this.netfilter = new Set(lasting.flatMap(({ vni, netfilter }) => (netfilter ? [bridgeName(vni)] : [])));
    return lasting;
  }

  /** Those that have a port or get one as usual, and those whose container must be given a new link. */
  private async sort({ endpoints }: FabricInput, { links }: FabricState, joining: ReadonlySet<string>, containers: ReadonlyMap<string, ContainerEnd>): Promise<{ there: FabricEndpoint[]; bereft: FabricEndpoint[] }> {
    const there: FabricEndpoint[] = [];
    const bereft: FabricEndpoint[] = [];
    for (const endpoint of endpoints) {
      const { id } = endpoint;
      if (joining.has(id) || (links.has(portName(id)) && !this.ends.isAdrift(id))) there.push(endpoint);
      else if (await this.ends.canGive(id, containers.get(id))) bereft.push(endpoint);
    }
    return { there, bereft };
  }

  private async give(endpoints: readonly FabricEndpoint[], containers: ReadonlyMap<string, ContainerEnd>): Promise<FabricEndpoint[]> {
    const given: FabricEndpoint[] = [];
    for (const endpoint of endpoints) {
      const end = containers.get(endpoint.id);
      if (end && (await this.ends.give(endpoint.id, end))) given.push(endpoint);
    }
    return given;
  }

  /** All at once; if that fails, one by one, so that what cannot be done does not hold up the rest. */
  private async apply(target: Held, steps: readonly FabricStep[]): Promise<void> {
    const { fabric } = this;
    try {
      await fabric.apply(this.tenant, steps);
    } catch (error) {
      const desired = allOf(target);
      const rest = diffFabric(desired, await fabric.read(this.tenant));
      for (const step of rest) await fabric.apply(this.tenant, [step]).catch(() => undefined);
      const found = await fabric.read(this.tenant);
      this.names = new Set(found.links.keys());
      if (diffFabric(desired, found).length > 0) throw error;
    }
  }
}

function allOf({ services, segments }: Held): FabricState {
  return merged(segments, services);
}

function sentenceOf(lost: number, failure: string | undefined): string | undefined {
  if (lost === 0) return undefined;
  const reason = failure === undefined ? '' : ` (${failure})`;
  return lost === 1 ? `1 container has lost the link to the network: restart it${reason}` : `${lost} containers have lost the link to the network: restart them${reason}`;
}
