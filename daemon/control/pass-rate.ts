/**
 * How often a router has a pass while its tenant changes all the time: 40 a second, each of which brings what came since the one before. With a pass for each of 100 changes a second, among 10,000 services
 * netctld took twice the processor time (docs/performance.md), and no change was there sooner.
 */
const everyMs = 25;
/** So many passes one behind the other are not held up: what is done by hand, or by one client after the other. They are there again after 2.5 s without any. */
const mostAtOnce = 100;

/** Says how long a pass has to wait, so that those of one key do not follow each other too fast for long. */
export class PassRate {
  /** By key, the one that was used last at the end: when nothing would be known of it any more, in milliseconds. */
  private readonly spent = new Map<string, number>();

  /** @param now milliseconds since some moment */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A pass is to begin. How long it has to wait for its turn, in milliseconds. */
  take(key: string): number {
    const now = this.now();
    const until = Math.max(now, this.spent.get(key) ?? now);
    this.forget(now);
    this.spent.delete(key);
    this.spent.set(key, until + everyMs);
    return Math.max(0, until - now - (mostAtOnce - 1) * everyMs);
  }

  /** How many keys are known. */
  get size(): number {
    return this.spent.size;
  }

  private forget(now: number): void {
    for (const [key, until] of this.spent) {
      if (until > now) return;
      this.spent.delete(key);
    }
  }
}
