import type { IpAddress } from '../model/address.js';
import type { Group } from './groups.js';
import { fnv1a, spread } from './hash.js';
import { quotasIn, roomFor } from './quotas.js';

/**
 * Whom each slot of a service port belongs to that gives a client by its address always the same slot. Everybody has
 * exactly his share of the slots, rounded. Whoever had a slot keeps it as far as shares allow: when somebody leaves only his
 * slots move, to all others alike, and a newcomer takes as many from everybody. Newcomers choose by a
 * sequence of their own, so that the same providers, from nothing, are placed the same, and others similarly (as
 * Maglev does it: Eisenbud et al., NSDI 2016, section 3.4).
 * @param previous the slots before; none: from nothing. Twice as many slots later split each in two, because the kernel
 *   takes the upper part of the hash for the slot (`reciprocal_scale` in nft_jhash_eval).
 */
export function placeSource(previous: readonly IpAddress[], groups: readonly Group[]): IpAddress[] {
  const slots = Math.max(roomFor(groups), previous.length);
  return new Placement(stretched(previous, slots), groups).fill();
}

function stretched(previous: readonly IpAddress[], slots: number): (IpAddress | undefined)[] {
  const times = slots / previous.length;
  return Array.from({ length: slots }, (_, slot) => (previous.length === 0 ? undefined : previous[Math.floor(slot / times)]));
}

/** One who needs more slots, and how far he has looked for them. */
interface Taker {
  readonly address: IpAddress;
  readonly sequence: (step: number) => number;
  step: number;
  missing: number;
}

class Placement {
  /** How many slots each address has beyond its quota; of one that has none, all. */
  readonly #surplus = new Map<bigint, number>();
  readonly #takers: readonly Taker[];

  constructor(
    private readonly owners: (IpAddress | undefined)[],
    groups: readonly Group[],
  ) {
    for (const owner of owners) if (owner) this.#surplus.set(owner.value, (this.#surplus.get(owner.value) ?? 0) + 1);
    const quotas = quotasIn(owners.length, groups, ({ value }) => this.#surplus.get(value) ?? 0).flat();
    for (const { address, slots } of quotas) this.#surplus.set(address.value, (this.#surplus.get(address.value) ?? 0) - slots);
    this.#takers = quotas.flatMap(({ address }): Taker[] => {
      const missing = -(this.#surplus.get(address.value) ?? 0);
      return missing > 0 ? [{ address, missing, step: 0, sequence: sequenceOf(address, owners.length) }] : [];
    });
  }

  /** One slot for each who needs one, in turn, until nobody does. */
  fill(): IpAddress[] {
    for (let takers = this.#takers; takers.length > 0; takers = takers.filter(({ missing }) => missing > 0)) {
      for (const taker of takers) this.#take(taker);
    }
    return this.owners.filter((owner) => owner !== undefined);
  }

  /** What cannot be taken now cannot be taken later either. */
  #take(taker: Taker): void {
    while (!this.#isAvailable(this.owners[taker.sequence(taker.step)])) taker.step += 1;
    const slot = taker.sequence(taker.step);
    const owner = this.owners[slot];
    if (owner) this.#surplus.set(owner.value, (this.#surplus.get(owner.value) ?? 0) - 1);
    this.owners[slot] = taker.address;
    taker.missing -= 1;
  }

  #isAvailable(owner: IpAddress | undefined): boolean {
    return owner === undefined || (this.#surplus.get(owner.value) ?? 0) > 0;
  }
}

/** Every slot once, in an order of the address' own: 2 and 5 are the only prime divisors of the number of slots. */
function sequenceOf(address: IpAddress, slots: number): (step: number) => number {
  const text = address.toString();
  const [first, stride] = [spread(fnv1a(`first ${text}`)), spread(fnv1a(`stride ${text}`))];
  const distance = 10 * (stride % (slots / 10)) + 3;
  return (step) => (first + step * distance) % slots;
}
