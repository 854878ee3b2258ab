import { NetctlError } from '../../src/model/errors.js';
import { countOperations, diffNat, type NatChange } from '../../src/nat/diff.js';
import type { NatInput } from '../../src/nat/input.js';
import { planBalance, withLegs } from '../../src/nat/plan.js';
import { StandingPlan } from '../../src/nat/standing-plan.js';
import { emptyNat, type NatState } from '../../src/nat/state.js';
import { hasManyNewLegs, isLarge, transactionsOf, withoutServices } from '../../src/nat/transactions.js';
import type { Nftables } from '../kernel/port.js';
import { natDrift, type Drift } from './drift.js';
import { Pace, type Clock } from './pace.js';

/** What the tables hold, and the number that the kernel gave that state. */
interface Held {
  readonly nat: NatState | 'missing' | 'foreign';
  readonly generation: number;
}

/** One transaction. */
interface Step {
  readonly carryOut: () => Promise<void>;
  /** Does what can be done of it before it is its turn. */
  readonly prepare?: () => void;
}

/**
 * The rules of one router. What they are is remembered together with the kernel's number for it. Each
 * transaction counts that up by one: so the number says whether somebody else made one, even at the same time as
 * we did, and whether a transaction that failed or was cut off was carried out.
 */
export class RouterRules {
  private held: Held | undefined;
  /** What was applied last, whatever has become of it. */
  private applied: NatState | undefined;
  private doubted = false;
  /** What is held, if that is just what was desired: then only what changes is looked at. */
  private standing: StandingPlan | undefined;
  /** What balances is there, what counts is not yet. */
  private uncounted: { readonly input: NatInput; readonly balance: NatState } | undefined;
  /** How long readings take. */
  readonly readings: Pace;

  constructor(
    private readonly tenant: string,
    private readonly nftables: Nftables,
    clock: Clock,
  ) {
    this.readings = new Pace(clock);
  }

  /** There are some, ours or of another version: no packet passes unseen. */
  get areThere(): boolean {
    return this.held !== undefined && this.held.nat !== 'missing';
  }

  get areDoubted(): boolean {
    return this.doubted || this.held === undefined;
  }

  /** How many elements, chains aside, the tables hold. */
  get elements(): number {
    const { nat } = this.held ?? {};
    return typeof nat === 'object' ? [nat.ip, nat.ip6].reduce((sum, { ports, serviceIps, hairpins, bridges }) => sum + ports.size + serviceIps.size + hairpins.size + bridges.size, 0) : 0;
  }

  doubt(): void {
    this.doubted = true;
  }

  /** Doubts them if somebody changed them. Cheap. */
  async look(): Promise<void> {
    const { held } = this;
    if (!held) return;
    const generation = await this.nftables.generation(this.tenant);
    if (this.held === held && generation !== held.generation) this.doubted = true;
  }

  /** Reads them if they are doubted or unknown. Returns what somebody else changed, as far as it was known what they were. */
  async recall(): Promise<Drift> {
    if (!this.areDoubted) return {};
    const before = this.held;
    // Asked first: a change during the reading shows at the next look, then.
    const generation = await this.nftables.generation(this.tenant);
    this.doubted = false;
    this.held = undefined;
    this.held = { nat: await this.readings.measure(() => this.nftables.read(this.tenant)), generation };
    return typeof before?.nat === 'object' ? natDrift(before.nat, this.held.nat) : {};
  }

  /** To be called after {@link recall}. Returns how many changes it made; whole new tables are one. */
  async bring(input: NatInput): Promise<number> {
    const before = this.held;
    if (!before) throw new Error('the rules must be recalled first');
    this.uncounted = undefined;
    const { standing } = this;
    const change = standing?.state === before.nat ? standing?.change(input) : undefined;
    return standing && change ? this.bringChange(standing, change, before) : this.bringWhole(input, before);
  }

  private async bringChange(standing: StandingPlan, change: NatChange, before: Held): Promise<number> {
    const operations = countOperations(change);
    try {
      if (operations > 0) await this.carryOut(standing.state, before, this.transactions(change));
    } catch (error) {
      standing.revert();
      this.standing = undefined;
      throw error;
    }
    return operations;
  }

  private async bringWhole(input: NatInput, before: Held): Promise<number> {
    this.standing = undefined;
    // Tables that were lost come back with the providers in the places where they were.
    const balance = planBalance(input, typeof before.nat === 'object' ? before.nat : this.applied);
    const held = typeof before.nat === 'object' ? before.nat : emptyNat;
    if (!hasManyNewLegs(input, held)) return this.bringAll(input, balance, before);
    const operations = await this.bringState(withLegsOf(balance, held), before);
    this.uncounted = { input, balance };
    return operations;
  }

  /**
   * What {@link bring} left for later: where very much comes at once, only what balances is there before anything else is done, and not what counts.
   * Returns how many changes it made.
   */
  async count(): Promise<number> {
    const { held, uncounted } = this;
    this.uncounted = undefined;
    return held && uncounted ? this.bringAll(uncounted.input, uncounted.balance, held) : 0;
  }

  private async bringAll(input: NatInput, balance: NatState, before: Held): Promise<number> {
    const standing = new StandingPlan(input, withLegs(balance, input));
    const operations = await this.bringState(standing.state, before);
    this.standing = standing;
    return operations;
  }

  /** Returns how many changes that took; whole new tables are one. */
  private async bringState(desired: NatState, before: Held): Promise<number> {
    const found = before.nat;
    if (typeof found === 'object') {
      const change = diffNat(desired, found);
      await this.carryOut(desired, before, this.transactions(change));
      return countOperations(change);
    }
    // Where there are none, nothing relies on them: they may come one after the other. Those of others are replaced at once.
    const rest = found === 'missing' ? diffNat(desired, withoutServices(desired)) : undefined;
    const replace = (state: NatState): Step => ({ carryOut: () => this.nftables.replace(this.tenant, state) });
    await this.carryOut(desired, before, rest && isLarge(rest) ? [replace(withoutServices(desired)), ...this.transactions(rest, true)] : [replace(desired)]);
    return 1;
  }

  /** What somebody else changed since the last pass, by reading all; nothing if it is not known what they were. */
  async compare(): Promise<Drift> {
    const { held } = this;
    if (typeof held?.nat !== 'object') return {};
    const found = await this.nftables.read(this.tenant);
    return this.held === held ? natDrift(held.nat, found) : {};
  }

  /** Forgets all: the router is gone. */
  forget(): void {
    this.held = undefined;
    this.applied = undefined;
    this.standing = undefined;
    this.uncounted = undefined;
  }

  private transactions(change: NatChange, fresh = false): Step[] {
    return transactionsOf(change, fresh).map((each) => ({ carryOut: () => this.nftables.apply(this.tenant, each), prepare: () => this.nftables.prepare(each) }));
  }

  /** After a failure it is unknown what is held, unless nothing was changed. */
  private async carryOut(desired: NatState, before: Held, transactions: readonly Step[]): Promise<void> {
    try {
      for (const [index, { carryOut }] of transactions.entries()) {
        const carriedOut = carryOut();
        // Of ten thousand services each takes the kernel a tenth of a second, in which there is nothing else to do.
        transactions[index + 1]?.prepare?.();
        await carriedOut;
      }
    } catch (error) {
      const generation = await this.nftables.generation(this.tenant).catch(() => undefined);
      if (generation !== before.generation) this.held = undefined;
      throw error;
    }
    this.applied = desired;
    this.held = undefined;
    const generation = await this.nftables.generation(this.tenant);
    if (transactions.length > 0 && generation === before.generation) {
      this.held = before;
      throw new NetctlError('internal', `nft says that it changed the rules in the router of tenant ${this.tenant}, but the kernel has them unchanged: is the program nft in PATH the real one?`);
    }
    this.held = { nat: desired, generation };
    if (generation !== before.generation + transactions.length) this.doubted = true;
  }
}

/** @param held whose legs stay for now. */
function withLegsOf({ ip, ip6 }: NatState, held: NatState): NatState {
  return { ip: { ...ip, legs: held.ip.legs }, ip6: { ...ip6, legs: held.ip6.legs } };
}
