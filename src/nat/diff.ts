import { elementsOf } from './elements.js';
import type { NatElement } from './elements.js';
import { natFamilies } from './state.js';
import type { BalanceChain, FamilyState, NatState } from './state.js';

/**
 * What turns one family's table into another, in one transaction and in this order: chains, deletions,
 * additions, chains that go. An element with other data is deleted and added. Inert: it is rendered, or
 * applied in memory.
 */
export interface FamilyChange {
  readonly chains: readonly BalanceChain[];
  readonly deletes: readonly NatElement[];
  readonly adds: readonly NatElement[];
  readonly unused: readonly BalanceChain[];
}

export interface NatChange {
  readonly ip: FamilyChange;
  readonly ip6: FamilyChange;
}

/**
 * The change from what is applied to what is desired. It adds nothing that exists and deletes nothing
 * that is missing: either makes the kernel refuse the whole transaction. A chain that is not desired is
 * deleted only if no applied element leads to it, because kernels before 6.2 refuse to delete a chain
 * together with the last element that does.
 */
export function diffNat(desired: NatState, applied: NatState): NatChange {
  return { ip: diffFamily(desired.ip, applied.ip), ip6: diffFamily(desired.ip6, applied.ip6) };
}

export function isEmptyChange(change: NatChange): boolean {
  return countOperations(change) === 0;
}

/** How many chains and elements the change names. */
export function countOperations(change: NatChange): number {
  return natFamilies
    .map((family) => change[family])
    .reduce((sum, { chains, deletes, adds, unused }) => sum + chains.length + deletes.length + adds.length + unused.length, 0);
}

function diffFamily(desired: FamilyState, applied: FamilyState): FamilyChange {
  const before = differing(applied, desired);
  const after = differing(desired, applied);
  return {
    chains: [...desired.chains].filter(([name]) => !applied.chains.has(name)).map(([, chain]) => chain),
    deletes: without(before, after),
    adds: without(after, before),
    unused: unusedChains(desired, applied),
  };
}

function unusedChains(desired: FamilyState, applied: FamilyState): BalanceChain[] {
  return [...applied.chains].filter(([name]) => !desired.chains.has(name) && !applied.balancers.has(name)).map(([, chain]) => chain);
}

/**
 * The elements of what may not be the same in the other state. Service ports that the planner left
 * alone are passed over as the same object, so that a change costs no more among many services.
 */
function differing(state: FamilyState, other: FamilyState): NatElement[] {
  return elementsOf({
    balancers: unshared(state.balancers, other.balancers, () => true),
    ports: unshared(state.ports, other.ports, (a, b) => a === b),
    serviceIps: unshared(state.serviceIps, other.serviceIps, () => true),
    legs: unshared(state.legs, other.legs, (a, b) => a.mark === b.mark),
    hairpins: unshared(state.hairpins, other.hairpins, (a, b) => a.source.equals(b.source)),
    bridges: new Set([...state.bridges].filter((bridge) => !other.bridges.has(bridge))),
    routed: unshared(state.routed, other.routed, () => true),
  });
}

function unshared<T>(items: ReadonlyMap<string, T>, others: ReadonlyMap<string, T>, same: (a: T, b: T) => boolean): ReadonlyMap<string, T> {
  if (others.size === 0) return items;
  return new Map(
    [...items].filter(([key, item]) => {
      const other = others.get(key);
      return other === undefined || !same(item, other);
    }),
  );
}

function without(elements: readonly NatElement[], others: readonly NatElement[]): readonly NatElement[] {
  if (elements.length === 0 || others.length === 0) return elements;
  const known = new Set(others.map(identity));
  return elements.filter((element) => !known.has(identity(element)));
}

/** No set's name or element's text has a newline. */
function identity({ set, key, data }: NatElement): string {
  return [set, key, data].join('\n');
}
