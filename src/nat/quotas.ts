import type { IpAddress } from '../model/address.js';
import { leastShare, totalWeight } from './groups.js';
import type { Group } from './groups.js';

/** How many slots a provider has. */
export interface Quota {
  readonly address: IpAddress;
  readonly slots: number;
}

/** So many slots if that is enough: every percentage is a whole number of them. See docs/decisions/weights-and-source.md. */
const fewestSlots = 1_000;
const mostSlots = 16_000;
/** With this many slots for the least of the providers, rounding changes no share by more than a tenth. */
const slotsOfLeast = 10;

/** A thousand slots, or twice, four times ... as many: enough to give each provider its share. */
export function roomFor(groups: readonly Group[]): number {
  const least = leastShare(groups);
  let slots = fewestSlots;
  while (slots < mostSlots && slots * least < slotsOfLeast) slots *= 2;
  return slots;
}

/**
 * The providers' shares in as few slots as they exactly fit in, if that is no more than a thousand. Else in some
 * more, with which the groups' shares are exact and those within a group differ by one slot at most.
 */
export function exactQuotas(groups: readonly Group[]): Quota[][] {
  const total = totalWeight(groups);
  const exact = commonMultiple(groups.map(({ weight, members }) => denominator(weight, total * members.length)));
  const unit = commonMultiple(groups.map(({ weight }) => denominator(weight, total)));
  const slots = exact <= fewestSlots ? exact : unit * Math.max(1, Math.floor(roomFor(groups) / unit));
  return quotasIn(slots, groups, () => 0);
}

/**
 * The groups' parts of so many slots, and the providers' parts of these, rounded down or up. Rounded up are those first that
 * hold more than the lower number already, so that as little as possible changes. One list for each group.
 */
export function quotasIn(slots: number, groups: readonly Group[], heldBy: (address: IpAddress) => number): Quota[][] {
  const heldOf = ({ members }: Group): number => members.reduce((sum, address) => sum + heldBy(address), 0);
  const parts = divide(slots, groups.map((group) => ({ weight: group.weight, held: heldOf(group) })));
  return groups.map(({ members }, index) => {
    const within = divide(parts[index] ?? 0, members.map((address) => ({ weight: 1, held: heldBy(address) })));
    return members.map((address, member) => ({ address, slots: within[member] ?? 0 }));
  });
}

interface Claim {
  readonly weight: number;
  readonly held: number;
}

/** Whole parts in proportion to the weights, each rounded down or up, with the right sum. */
function divide(slots: number, claims: readonly Claim[]): number[] {
  const total = claims.reduce((sum, { weight }) => sum + weight, 0);
  const parts = claims.map(({ weight }) => Math.floor((slots * weight) / total));
  const fraction = ({ weight }: Claim): number => (slots * weight) % total;
  const missing = slots - parts.reduce((sum, part) => sum + part, 0);
  const order = claims
    .map((claim, index) => ({ ...claim, index, fraction: fraction(claim), holdsMore: claim.held > (parts[index] ?? 0) }))
    .filter(({ fraction }) => fraction > 0)
    .toSorted((a, b) => Number(b.holdsMore) - Number(a.holdsMore) || b.fraction - a.fraction || b.held - a.held || a.index - b.index);
  for (const { index } of order.slice(0, missing)) parts[index] = (parts[index] ?? 0) + 1;
  return parts;
}

/** That of the fraction in its lowest terms. */
function denominator(numerator: number, denominator: number): number {
  return denominator / greatestDivisor(numerator, denominator);
}

/** What is far too much already is not made exact. */
function commonMultiple(numbers: readonly number[]): number {
  return numbers.reduce((multiple, number) => (multiple > mostSlots * mostSlots ? multiple : (multiple / greatestDivisor(multiple, number)) * number), 1);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
