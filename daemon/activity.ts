/** So many passes in so many milliseconds, each over a router with so many elements: about 2,000 services of which another one changes all the time. */
const [manyPasses, withinMs, manyElements] = [20, 1000, 4000] as const;

/** Sees when routers with many services change all the time. A pass then makes half a megabyte of lists that are soon garbage. */
export class Activity {
  /** When the last passes ended, the oldest first. */
  private readonly ends: number[] = [];

  /** @param now milliseconds since some moment */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A pass ended over a router with so many elements. Returns whether there are many of these. */
  passed(elements: number): boolean {
    if (elements < manyElements) return false;
    const now = this.now();
    this.ends.push(now);
    if (this.ends.length < manyPasses) return false;
    const [first = now] = this.ends.splice(0, this.ends.length - manyPasses + 1);
    return now - first <= withinMs;
  }
}
