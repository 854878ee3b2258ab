import type { IpAddress } from '../model/address.js';
import type { Quota } from './quotas.js';

/**
 * The slots of weighted round robin, such that nobody has all his turns in a row: first the groups are dealt out, then
 * each group's turns to its members.
 */
export function smoothSlots(groups: readonly (readonly Quota[])[]): IpAddress[] {
  const members = groups.map((quotas) => dealt(quotas.map(({ slots }) => slots)).flatMap((member) => quotas[member]?.address ?? []));
  const next = members.map(() => 0);
  return dealt(members.map(({ length }) => length)).flatMap((group) => {
    const turn = next[group] ?? 0;
    next[group] = turn + 1;
    return members[group]?.[turn] ?? [];
  });
}

/** Every index as often as it has shares; each time, as nginx does it, the one that lags behind most. */
function dealt(shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  const lags = shares.map(() => 0);
  return Array.from({ length: total }, () => {
    let chosen = 0;
    shares.forEach((share, index) => {
      lags[index] = (lags[index] ?? 0) + share;
      if ((lags[index] ?? 0) > (lags[chosen] ?? 0)) chosen = index;
    });
    lags[chosen] = (lags[chosen] ?? 0) - total;
    return chosen;
  });
}
