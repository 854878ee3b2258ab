import type { BalanceChain, FamilyState } from './state.js';

/**
 * So many chains may be there without a service port. They cost little, and the next service with as many
 * providers needs them again; but the time that a change takes grows with their number. See
 * docs/decisions/balance-chains.md.
 */
export const maxUnusedChains = 1_000;

/**
 * The chains that a table has with these in use, and the ways to them. Those of `previous` stay, until too many of them are
 * unused: then their ways go, and with the next plan they go themselves. Kernels before 6.2 refuse to delete a chain together with the
 * last element that leads to it.
 */
export function keepChains(previous: FamilyState, inUse: ReadonlyMap<string, BalanceChain>): Pick<FamilyState, 'chains' | 'balancers'> {
  const all = new Map([...previous.balancers, ...inUse]);
  return { chains: all, balancers: all.size - inUse.size > maxUnusedChains ? new Map(inUse) : all };
}
