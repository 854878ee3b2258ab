import { exchanged } from '../lists/places.js';
import type { Family, IpAddress } from '../model/address.js';
import { ofFamily } from './addresses.js';
import { maxUnusedChains } from './chains.js';
import { Counts } from './counts.js';
import { diffNat, type NatChange } from './diff.js';
import { callersOf, hairpinSources, planHairpins, type Caller, type HairpinSource } from './hairpin.js';
import type { NatInput, NatNetwork, NatService } from './input.js';
import { chainName, hairpinKey, legKey } from './keys.js';
import { legsOf, planLegs } from './legs.js';
import { planPorts, portKeys } from './ports.js';
import { emptyNat, type BalanceChain, type BalancedPort, type FamilyState, type Leg, type NatState } from './state.js';
import { Turns } from './turns.js';

/** Of more services than this the whole is planned: it takes no longer, and may be carried out in parts. */
const mostExchanged = 1_000;

/**
 * What tables hold, and how it changes with single services: the work is that of what changed, however much there is.
 * It comes to the same as planNat with all services and the state before. Services are told apart as objects: what
 * has not changed must be the same object as before, and had better be at the same place.
 */
export class StandingPlan {
  private services: readonly NatService[];
  private readonly networks: string;
  private readonly ip: StandingFamily;
  private readonly ip6: StandingFamily;
  private undo: (() => void) | undefined;

  /** @param state what planNat made of the input. */
  constructor(input: NatInput, state: NatState) {
    this.services = input.services;
    this.networks = textOf(input.networks);
    this.ip = new StandingFamily(4, input, state.ip);
    this.ip6 = new StandingFamily(6, input, state.ip6);
    this.state = { ip: this.ip.state, ip6: this.ip6.state };
  }

  /** It changes with the plan: nobody may rely on what it holds later. */
  readonly state: NatState;

  /**
   * Brings the plan to the input, and returns what changed; undefined: that cannot be said by looking at single services.
   * Then, and after {@link revert}, the plan is of no use any more.
   */
  change(input: NatInput): NatChange | undefined {
    if (textOf(input.networks) !== this.networks) return undefined;
    const { gone, come } = exchanged(this.services, input.services);
    if (gone.length + come.length > mostExchanged) return undefined;
    const [ip, ip6] = [this.ip.change(gone, come), this.ip6.change(gone, come)];
    if (!ip || !ip6) return undefined;
    this.services = input.services;
    this.ip.exchange(ip.before, ip.after);
    this.ip6.exchange(ip6.before, ip6.after);
    this.undo = () => {
      this.ip.exchange(ip.after, ip.before);
      this.ip6.exchange(ip6.after, ip6.before);
    };
    return diffNat({ ip: ip.after, ip6: ip6.after }, { ip: ip.before, ip6: ip6.before });
  }

  /** Its state becomes what it was before the last change. */
  revert(): void {
    this.undo?.();
    this.undo = undefined;
  }
}

/** The part of a table that a change is about: as it was, or as it shall be. */
type Part = Pick<FamilyState, 'chains' | 'balancers' | 'ports' | 'serviceIps' | 'legs' | 'hairpins'>;
type Mutable<T> = { readonly [K in keyof T]: T[K] extends ReadonlyMap<string, infer V> ? Map<string, V> : T[K] };

const empty = emptyNat.ip;
const parts = ['chains', 'balancers', 'ports', 'serviceIps', 'legs', 'hairpins'] as const satisfies readonly (keyof Part)[];

interface Touched {
  readonly before: FamilyState;
  readonly after: FamilyState;
}

class StandingFamily {
  readonly state: FamilyState & Mutable<Part>;
  private readonly turns = new Turns();
  /** Of all legs. */
  private readonly marks: Set<number>;
  private readonly serviceIps = new Counts<IpAddress>();
  /** Each with one client. */
  private readonly callers = new Counts<Caller>();
  private readonly networks: readonly NatNetwork[];
  private readonly sources: readonly HairpinSource[];

  constructor(
    private readonly family: Family,
    { networks, services }: NatInput,
    state: FamilyState,
  ) {
    this.state = { ...state, ...copyOf(state) };
    for (const { chain } of state.ports.values()) this.turns.keep(chain);
    this.marks = new Set([...state.legs.values()].map(({ mark }) => mark));
    this.serviceIps.change([], this.serviceIpsOf(services));
    this.callers.change([], this.callersOf(services));
    this.networks = networks;
    this.sources = hairpinSources(family, networks, this.serviceIps.items);
  }

  /** What becomes of the table; undefined: more than what these services have. Nothing is exchanged yet. */
  change(gone: readonly NatService[], come: readonly NatService[]): Touched | undefined {
    const serviceIps = this.serviceIps.change(this.serviceIpsOf(gone), this.serviceIpsOf(come));
    if (!this.keepsSources(serviceIps.lost.size + serviceIps.found.size)) return undefined;
    const callers = this.callers.change(this.callersOf(gone), this.callersOf(come));
    const ports = this.changePorts(gone, come);
    const legs = this.changeLegs(gone, come);
    if (!ports || !legs) return undefined;
    const used = [...ports.after.values()].map(({ chain }): [string, BalanceChain] => [chainName(chain), chain]);
    const chains = new Map(used.filter(([name]) => !this.state.chains.has(name)));
    if (this.state.chains.size + chains.size - this.turns.inUse > maxUnusedChains) return undefined;
    const balancers = new Map(used.filter(([name]) => !this.state.balancers.has(name)));
    return {
      before: { ...empty, ports: ports.before, legs: legs.before, serviceIps: serviceIps.lost, hairpins: pick(this.state.hairpins, callers.lost.keys()) },
      after: { ...empty, chains, balancers, ports: ports.after, legs: legs.after, serviceIps: serviceIps.found, hairpins: planHairpins(this.sources, [...callers.found.values()]) },
    };
  }

  /** Puts the one into the place of the other. */
  exchange(out: Part, into: Part): void {
    for (const part of parts) {
      const held: Map<string, unknown> = this.state[part];
      for (const key of out[part].keys()) held.delete(key);
      for (const [key, item] of into[part]) held.set(key, item);
    }
  }

  /** Of a network without a gateway the source is the lowest service IP. */
  private keepsSources(changedServiceIps: number): boolean {
    if (changedServiceIps === 0) return true;
    const now = hairpinSources(this.family, this.networks, this.serviceIps.items);
    return now.every(({ source }, index) => source?.value === this.sources[index]?.source?.value);
  }

  private changePorts(gone: readonly NatService[], come: readonly NatService[]): { before: Map<string, BalancedPort>; after: Map<string, BalancedPort> } | undefined {
    const before = pick(this.state.ports, portKeys(this.family, gone));
    for (const { chain } of before.values()) this.turns.release(chain);
    const after = planPorts(this.family, come, { ports: before }, this.turns);
    return this.isFree(this.state.ports, after, before) ? { before, after } : undefined;
  }

  private changeLegs(gone: readonly NatService[], come: readonly NatService[]): { before: Map<string, Leg>; after: Map<string, Leg> } | undefined {
    const before = pick(this.state.legs, gone.flatMap((service) => legsOf(this.family, service)).map(legKey));
    for (const { mark } of before.values()) this.marks.delete(mark);
    const after = planLegs(this.family, come, before, this.marks);
    return this.isFree(this.state.legs, after, before) ? { before, after } : undefined;
  }

  /** Two services with one service port must not be; which of them counts can only be said by looking at all. */
  private isFree(held: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>, before: ReadonlyMap<string, unknown>): boolean {
    return [...after.keys()].every((key) => before.has(key) || !held.has(key));
  }

  private serviceIpsOf(services: readonly NatService[]): [string, IpAddress][] {
    return services.flatMap(({ addresses }) => ofFamily(this.family, addresses).map((address): [string, IpAddress] => [address.toString(), address]));
  }

  private callersOf(services: readonly NatService[]): [string, Caller][] {
    return services.flatMap((service) =>
      callersOf(this.family, [service]).flatMap(({ provider, clients }) => clients.map((client): [string, Caller] => [hairpinKey(client, provider), { provider, clients: [client] }])),
    );
  }
}

function copyOf(state: FamilyState): Mutable<Part> {
  return { chains: new Map(state.chains), balancers: new Map(state.balancers), ports: new Map(state.ports), serviceIps: new Map(state.serviceIps), legs: new Map(state.legs), hairpins: new Map(state.hairpins) };
}

function pick<T>(items: ReadonlyMap<string, T>, keys: Iterable<string>): Map<string, T> {
  return new Map([...keys].flatMap((key): [string, T][] => entry(key, items.get(key))));
}

function entry<T>(key: string, item: T | undefined): [string, T][] {
  return item === undefined ? [] : [[key, item]];
}

/** Networks with one text are the same. */
function textOf(networks: readonly NatNetwork[]): string {
  return JSON.stringify(networks.map(({ bridge, ipv4, ipv6, outward, fromHost }) => [bridge, ...[ipv4, ipv6].map((subnet) => subnet && [subnet.prefix.toString(), subnet.gateway]), outward, fromHost]));
}
