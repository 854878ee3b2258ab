/** The whole numbers from `first` to `last`, both included. */
export interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * A set of whole numbers, kept as sorted spans that neither overlap nor touch. Addresses are mostly
 * held in runs, so that a set of thousands is a handful of spans; asking costs a binary search
 * whatever the size of the pool.
 */
export class SpanSet {
  private readonly spans: Span[] = [];

  add(value: bigint): void {
    const index = this.search(value);
    const next = this.spans[index];
    if (next && next.first <= value) return;
    const previous = this.spans[index - 1];
    const left = previous?.last === value - 1n ? previous : undefined;
    const right = next?.first === value + 1n ? next : undefined;
    const merged = { first: left?.first ?? value, last: right?.last ?? value };
    this.spans.splice(left ? index - 1 : index, (left ? 1 : 0) + (right ? 1 : 0), merged);
  }

  delete(value: bigint): void {
    const index = this.search(value);
    const span = this.spans[index];
    if (!span || span.first > value) return;
    const rest = [
      { first: span.first, last: value - 1n },
      { first: value + 1n, last: span.last },
    ];
    this.spans.splice(index, 1, ...rest.filter(({ first, last }) => first <= last));
  }

  has(value: bigint): boolean {
    const span = this.spans[this.search(value)];
    return span !== undefined && span.first <= value;
  }

  /** The lowest number of `within` that the set does not hold. */
  firstAbsent(within: Span): bigint | undefined {
    const span = this.spans[this.search(within.first)];
    const candidate = span && span.first <= within.first ? span.last + 1n : within.first;
    return candidate <= within.last ? candidate : undefined;
  }

  /** The index of the first span that ends at `value` or after it. */
  private search(value: bigint): number {
    let low = 0;
    let high = this.spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const span = this.spans[middle];
      if (span && span.last < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The numbers as sorted spans that neither overlap nor touch. */
export function spansOf(values: Iterable<bigint>): Span[] {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const spans: { first: bigint; last: bigint }[] = [];
  for (const value of sorted) {
    const current = spans.at(-1);
    if (current && value <= current.last + 1n) current.last = value;
    else spans.push({ first: value, last: value });
  }
  return spans;
}

/** What is in `spans` and not in `removed`; both sorted, without overlaps within themselves. */
export function subtract(spans: readonly Span[], removed: readonly Span[]): Span[] {
  const left: Span[] = [];
  let index = 0;
  for (const span of spans) {
    let { first } = span;
    for (; index < removed.length; index++) {
      const hole = removed[index];
      if (!hole || hole.first > span.last) break;
      if (first < hole.first) left.push({ first, last: hole.first - 1n });
      if (hole.last >= first) first = hole.last + 1n;
      // A hole that reaches beyond this span may also cut the next one.
      if (hole.last > span.last) break;
    }
    if (first <= span.last) left.push({ first, last: span.last });
  }
  return left;
}

export function sizeOf(spans: readonly Span[]): bigint {
  return spans.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
}
