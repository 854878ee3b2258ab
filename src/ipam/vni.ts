import { invalid, NetctlError } from '../model/errors.js';

/** A VXLAN network identifier has 24 bits (RFC 7348); 0 stands for "any" in a request. */
const lowestVni = 1;
export const highestVni = 16_777_215;

/** @throws NetctlError `invalid` if it is not an identifier. */
export function checkVni(vni: number): number {
  if (Number.isInteger(vni) && vni >= lowestVni && vni <= highestVni) return vni;
  throw invalid(`the packet tag ${vni} is not in ${lowestVni}..${highestVni}`);
}

/**
 * The lowest identifier that is not used. Contiv allots from 1..10000 unless told otherwise; the
 * lowest free one is in that range, too, until all of it is taken, and then there is no reason to stop.
 * @throws NetctlError `exhausted`.
 */
export function nextVni(used: ReadonlySet<number>): number {
  for (let vni = lowestVni; vni <= highestVni; vni++) {
    if (!used.has(vni)) return vni;
  }
  throw new NetctlError('exhausted', `all ${highestVni} packet tags are in use: delete a network`);
}
