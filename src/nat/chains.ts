import { chainName } from './keys.js';
import type { BalanceChain, FamilyState } from './state.js';

/**
 * So many chains may be there without a service port. They cost little, and the next service with as many
 * providers needs them again; but the time that a change takes grows with their number. See
 * docs/decisions/balance-chains.md.
 */
export const maxUnusedChains = 1_000;

/** The names of the chains that service ports lead to. */
export function chainsInUse({ ports }: Pick<FamilyState, 'ports'>): Set<string> {
  return new Set([...ports.values()].map(({ chain }) => chainName(chain)));
}

/**
 * The chains that a table has with these in use. Those of `previous` stay, until too many of them are
 * unused; then all go but those that `previous` used: they can be deleted in a later transaction only.
 */
export function keepChains(previous: FamilyState, inUse: ReadonlyMap<string, BalanceChain>): Map<string, BalanceChain> {
  const all = new Map([...previous.chains, ...inUse]);
  if (all.size - inUse.size <= maxUnusedChains) return all;
  const usedBefore = chainsInUse(previous);
  return new Map([...all].filter(([name]) => inUse.has(name) || usedBefore.has(name)));
}
