interface Resting {
  readonly value: bigint;
  readonly since: number;
}

/**
 * Resting addresses, by number, in the order of their release. Those released at the cutoff or
 * before it have rested; the cutoff follows the clock, and may also go back with it.
 */
export class RestQueue {
  /** Sorted by `since`, then by `value`. The first `restedCount` have rested. */
  private readonly queue: Resting[] = [];
  private restedCount = 0;
  private cutoff = -Infinity;

  /** Adds what is not in the queue yet; says whether it has rested at the present cutoff. */
  add(value: bigint, since: number): 'rested' | 'resting' {
    this.queue.splice(this.search(value, since), 0, { value, since });
    if (since > this.cutoff) return 'resting';
    this.restedCount++;
    return 'rested';
  }

  /** Does nothing if it is not in the queue. */
  delete(value: bigint, since: number): void {
    const index = this.search(value, since);
    const found = this.queue[index];
    if (!found || found.value !== value || found.since !== since) return;
    this.queue.splice(index, 1);
    if (index < this.restedCount) this.restedCount--;
  }

  /** Sets the cutoff, in milliseconds since the epoch; returns what has rested by it, and what by the last one had and now has not. */
  moveCutoff(cutoff: number): { rested: bigint[]; unrested: bigint[] } {
    const before = this.restedCount;
    const isRested = (item: Resting | undefined): boolean => item !== undefined && item.since <= cutoff;
    while (isRested(this.queue[this.restedCount])) this.restedCount++;
    while (this.restedCount > 0 && !isRested(this.queue[this.restedCount - 1])) this.restedCount--;
    this.cutoff = cutoff;
    const valuesOf = (items: readonly Resting[]): bigint[] => items.map(({ value }) => value);
    return {
      rested: valuesOf(this.queue.slice(before, this.restedCount)),
      unrested: valuesOf(this.queue.slice(this.restedCount, before)),
    };
  }

  /** What was released first, at most so many; of several at once, the lowest first. */
  oldest(most: number): bigint[] {
    return this.queue.slice(0, most).map(({ value }) => value);
  }

  /** The index of the item, or where it belongs. */
  private search(value: bigint, since: number): number {
    let low = 0;
    let high = this.queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.queue[middle];
      if (item && (item.since < since || (item.since === since && item.value < value))) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
