import { IpAddress } from '../model/address.js';
import { isInUse, type Allocation } from '../model/allocation.js';
import type { Subnet } from '../model/network.js';
import { givableSpans } from './givable.js';
import { RestQueue } from './rest-queue.js';
import { SpanSet, sizeOf, spansOf, subtract, type Span } from './spans.js';

/** Who has an address, and since when; a part of its {@link Allocation}. */
export type Holding = Pick<Allocation, 'owner' | 'since'>;

/**
 * The addresses of one subnet and who holds them. What it answers depends on what it holds now,
 * never on the order in which it came to hold it. One allocation costs a binary search and the move
 * of an array's tail, whatever the size of the subnet.
 */
export class AddressPool {
  private readonly givable: readonly Span[];
  private readonly holdings = new Map<bigint, Holding>();
  private readonly resting = new RestQueue();
  /** What `next` passes over: held by an owner, or not yet rested. */
  private readonly blocked = new SpanSet();

  constructor(readonly subnet: Subnet) {
    this.givable = givableSpans(subnet);
  }

  /** A pool that holds these allocations, all of them of this subnet. */
  static of(subnet: Subnet, allocations: Iterable<Pick<Allocation, 'address' | 'owner' | 'since'>>): AddressPool {
    const pool = new AddressPool(subnet);
    for (const { address, owner, since } of allocations) pool.hold(address, owner, since);
    return pool;
  }

  /** How many addresses endpoints and services can have at most. */
  get capacity(): bigint {
    return sizeOf(this.givable);
  }

  /** Sets who holds the address, whoever held it before. An address of another subnet is a bug of the caller's. */
  hold(address: IpAddress, owner: Allocation['owner'], since: number): void {
    if (!this.subnet.prefix.contains(address)) {
      throw new RangeError(`${address.toString()} is not in ${this.subnet.prefix.toString()}`);
    }
    this.free(address);
    this.holdings.set(address.value, { owner, since });
    this.blocked.add(address.value);
    if (owner.kind === 'resting' && this.isGivable(address)) {
      if (this.resting.add(address.value, since) === 'rested') this.blocked.delete(address.value);
    }
  }

  /** Nobody holds the address any more, and it does not rest. Does nothing if nobody held it. */
  free(address: IpAddress): void {
    const holding = this.holder(address);
    if (!holding) return;
    this.holdings.delete(address.value);
    this.blocked.delete(address.value);
    if (holding.owner.kind === 'resting') this.resting.delete(address.value, holding.since);
  }

  holder(address: IpAddress): Holding | undefined {
    return address.family === this.subnet.prefix.family ? this.holdings.get(address.value) : undefined;
  }

  /** Whether an endpoint or a service may have the address, if nobody else has. */
  isGivable(address: IpAddress): boolean {
    return address.family === this.subnet.prefix.family && this.givable.some(({ first, last }) => first <= address.value && address.value <= last);
  }

  /**
   * The addresses to give out next, at most so many, the best first: the lowest that are free or have rested `restMs` milliseconds at
   * `now`; if all are held or resting, those that rest longest; none if all are held.
   * They are not held by this: call {@link hold}.
   * @param half `upper`: those of the lower half only when none is free in the upper one
   */
  next(now: number, restMs: number, most: number, half: 'any' | 'upper' = 'any'): IpAddress[] {
    const { rested, unrested } = this.resting.moveCutoff(now - restMs);
    for (const value of rested) this.blocked.delete(value);
    for (const value of unrested) this.blocked.add(value);
    const { first, size, family } = this.subnet.prefix;
    const upper = half === 'upper' ? this.lowestUnblocked(most, first.value + size / 2n) : [];
    const free = upper.length > 0 ? upper : this.lowestUnblocked(most, first.value);
    const values = free.length > 0 ? free : this.resting.oldest(most);
    return values.map((value) => IpAddress.fromValue(family, value));
  }

  /** What endpoints and services hold. The gateway is left out, what is reserved, and what only rests. */
  allocatedSpans(): Span[] {
    return this.heldSpans(isInUse);
  }

  /** What can be had, by request at least: free, or resting. */
  availableSpans(): Span[] {
    return subtract(this.givable, this.heldSpans(({ kind }) => kind !== 'resting'));
  }

  private lowestUnblocked(most: number, lowest: bigint): bigint[] {
    const found: bigint[] = [];
    for (const { first, last } of this.givable) {
      for (let from: bigint | undefined = first > lowest ? first : lowest; from !== undefined && found.length < most; ) {
        const value = this.blocked.firstAbsent({ first: from, last });
        if (value !== undefined) found.push(value);
        from = value === undefined ? undefined : value + 1n;
      }
    }
    return found;
  }

  private heldSpans(counts: (owner: Allocation['owner']) => boolean): Span[] {
    return spansOf([...this.holdings].filter(([, { owner }]) => counts(owner)).map(([value]) => value));
  }
}
