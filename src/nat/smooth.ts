import type { IpAddress } from '../model/address.js';
import type { Quota } from './quotas.js';

/**
 * The slots of weighted round robin, such that nobody has all his turns in a row: as nginx deals them out, each
 * turn goes to who lags behind most.
 */
export function smoothSlots(quotas: readonly Quota[]): IpAddress[] {
  const total = quotas.reduce((sum, { slots }) => sum + slots, 0);
  const lags = quotas.map(() => 0);
  return Array.from({ length: total }, () => {
    let chosen = 0;
    quotas.forEach(({ slots }, index) => {
      lags[index] = (lags[index] ?? 0) + slots;
      if ((lags[index] ?? 0) > (lags[chosen] ?? 0)) chosen = index;
    });
    lags[chosen] = (lags[chosen] ?? 0) - total;
    return quotas[chosen]?.address;
  }).filter((address) => address !== undefined);
}
