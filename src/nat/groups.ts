import type { Family, IpAddress } from '../model/address.js';
import { addressIn, ascending } from './addresses.js';
import type { NatService } from './input.js';
import { groupOf, restOf, servingOf } from './serving.js';

/** Providers that share one weight evenly. Of several groups each has the part of new connections that its weight is of all weights. */
export interface Group {
  /** More than 0. */
  readonly weight: number;
  /** At least one; distinct, in ascending order. */
  readonly members: readonly IpAddress[];
}

/**
 * Who gets a service's new connections, and in which parts. A group without providers leaves its part to the others, in
 * proportion. A group of 0 % gets none, unless there is nobody else: rather than to refuse what providers could
 * serve, all of them then share it.
 */
export function groupsOf(family: Family, service: NatService): Group[] {
  const { weights = [] } = service;
  const providers = servingOf(family, service);
  // As nearly all services are.
  if (weights.length === 0) return evenly(ascending(providers.flatMap(({ addresses }) => addressIn(family, addresses))));
  const remaining = new Set(providers.flatMap(({ addresses }) => addressIn(family, addresses)).map(({ value }) => value));
  const groups = [...weights, restOf(weights)].map((weight, index) => ({
    weight,
    // Who is listed twice is counted once, for the first of his weights.
    members: ascending(providers.filter((provider) => groupOf(provider, weights) === index).flatMap(({ addresses }) => addressIn(family, addresses)).filter(({ value }) => remaining.delete(value))),
  }));
  const all = ascending(groups.flatMap(({ members }) => members));
  const weighty = groups.filter(({ weight, members }) => weight > 0 && members.length > 0);
  return weighty.length > 1 || all.length === 0 ? weighty : [{ weight: 1, members: weighty[0]?.members ?? all }];
}

function evenly(members: readonly IpAddress[]): Group[] {
  return members.length === 0 ? [] : [{ weight: 1, members }];
}

/** The share of a provider with the least. */
export function leastShare(groups: readonly Group[]): number {
  const total = totalWeight(groups);
  return Math.min(...groups.map(({ weight, members }) => weight / total / members.length));
}

export function totalWeight(groups: readonly Group[]): number {
  return groups.reduce((sum, { weight }) => sum + weight, 0);
}
