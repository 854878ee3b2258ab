import type { Family } from '../model/address.js';
import type { NatProvider, NatService } from './input.js';

/**
 * The providers of a family that get the service's new connections: all, or if some are preferred, these alone. A
 * preferred one of 0 % is so only when all others have 0 %, too: that it is near does not make it wanted.
 * Each family is looked at by itself, as a preferred provider may have an address of one only.
 */
export function servingOf(family: Family, { providers, weights = [] }: Pick<NatService, 'providers' | 'weights'>): NatProvider[] {
  const able = providers.filter(({ addresses }) => addresses.some((address) => address.family === family));
  if (!able.some((provider) => provider.preferred)) return able;
  const weighty = able.filter((provider) => percentOf(provider, weights) > 0);
  const preferred = (weighty.length > 0 ? weighty : able).filter((provider) => provider.preferred);
  return preferred.length > 0 ? preferred : able;
}

/** The index of the weight that the provider shares; that of what the weights leave comes after all others. */
export function groupOf({ group }: NatProvider, weights: readonly number[]): number {
  return group !== undefined && group < weights.length ? group : weights.length;
}

/** What the weights leave of 100. */
export function restOf(weights: readonly number[]): number {
  return 100 - weights.reduce((sum, weight) => sum + weight, 0);
}

function percentOf(provider: NatProvider, weights: readonly number[]): number {
  return weights[groupOf(provider, weights)] ?? restOf(weights);
}
