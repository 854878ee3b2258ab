import { bitsOf, Prefix } from '../model/address.js';
import { NetctlError } from '../model/errors.js';

/** From `base` subnets of the length `size` are taken for networks whose subnet nobody named. */
export interface DefaultPool {
  readonly base: Prefix;
  readonly size: number;
}

/**
 * The lowest subnet of the pool that overlaps none of those taken, which may be of any family and in any order.
 * @throws NetctlError `exhausted`.
 */
export function nextSubnet({ base, size }: DefaultPool, taken: Iterable<Prefix>): Prefix {
  const sorted = [...taken].filter((prefix) => prefix.overlaps(base)).sort((a, b) => a.first.compare(b.first));
  const step = 1n << BigInt(bitsOf(base.family) - size);
  let candidate = base.first.value;
  for (const { first, last } of sorted) {
    // What begins behind the candidate leaves it free, and so does all that follows.
    if (first.value >= candidate + step) break;
    // The subnets begin at multiples of their size.
    if (last.value >= candidate) candidate = (last.value / step + 1n) * step;
  }
  if (candidate > base.last.value) {
    throw new NetctlError(
      'exhausted',
      `no subnet of length ${size} is free in ${base.toString()}, from which netctld takes those that nobody names: give one with "--subnet", or netctld a larger range`,
    );
  }
  return Prefix.of(base.first.plus(candidate - base.first.value), size);
}
