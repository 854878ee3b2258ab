import { Prefix, type Family } from '../../src/model/address.js';
import type { Parse } from './values.js';

/** Two addresses for each link: there must be room for one. */
export function uplinkSubnet(family: Family): Parse<Prefix> {
  return (value) => {
    const prefix = typeof value === 'string' ? tryPrefix(value) : undefined;
    const [longest, example] = family === 4 ? [31, '169.254.240.0/20'] : [127, 'fd6e:6574:6374:6c::/112'];
    if (prefix?.family !== family || prefix.length > longest) throw new Error(`must be an IPv${family} subnet of at most ${longest} bits, for example ${example}`);
    return prefix;
  };
}

function tryPrefix(text: string): Prefix | undefined {
  try {
    return Prefix.parse(text);
  } catch {
    return undefined;
  }
}
