/**
 * A search for the largest IP packet that reaches another host whole and comes back, and what it has found so far. Lengths are of
 * whole IP packets, in octets. Immutable: begin, ask for the next length, try it, learn, until there is no next length.
 */
export interface MtuSearch {
  /** Below this nobody looks: a host that does not answer packets of this length does not answer at all. */
  readonly least: number;
  /** Nothing longer is tried: the MTU of the link. */
  readonly most: number;
  /** The longest that came back, if one did. */
  readonly passes?: number;
  /** The shortest that is known not to: one more than `most` at first. */
  readonly fails: number;
  /** How often in a row the length that is tried was lost. */
  readonly losses: number;
}

/** What became of one packet. `tooLong`: the link or a router on the way said so; `lost`: no answer in time. */
export type Trial = 'answered' | 'tooLong' | 'lost';

/** A packet may be lost for other reasons than its length: with a loss of 5 % three in a row are lost once in 8,000 times. */
const triesOfLength = 3;

/** @throws RangeError if `most` is less than `least`. */
export function beginMtuSearch(least: number, most: number): MtuSearch {
  if (most < least) throw new RangeError(`no length is between ${least} and ${most}`);
  return { least, most, fails: most + 1, losses: 0 };
}

/**
 * The length to try next; undefined when the search is over. The whole of the link first, because it nearly always passes; then the
 * least, so that a host that is not there costs two lengths; then the middle of what is left.
 */
export function nextLength({ least, most, passes, fails }: MtuSearch): number | undefined {
  if (passes === undefined) return fails > most ? most : fails > least ? least : undefined;
  return fails - passes > 1 ? Math.floor((passes + fails) / 2) : undefined;
}

/** What is known after the next length was tried. When the search is over nothing more can be learnt. */
export function learn(search: MtuSearch, trial: Trial): MtuSearch {
  const length = nextLength(search);
  if (length === undefined) return search;
  if (trial === 'answered') return { ...search, passes: length, losses: 0 };
  const losses = search.losses + 1;
  return trial === 'lost' && losses < triesOfLength ? { ...search, losses } : { ...search, fails: length, losses: 0 };
}

/** The path MTU; undefined while the search goes on, and when not even the least length came back. */
export function foundMtu(search: MtuSearch): number | undefined {
  return nextLength(search) === undefined ? search.passes : undefined;
}
