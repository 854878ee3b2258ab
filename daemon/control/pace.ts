/** What time it is, and how much of a processor this process has used, both in milliseconds since some moment. */
export interface Clock {
  readonly now: () => number;
  readonly used: () => number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  used: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/**
 * Keeps work that is done again and again to a share of a processor, by how much of it was used when it was done
 * last. Not by how long that took: on a busy machine that is much longer, and nothing is gained by being idle then.
 */
export class Pace {
  private ended = -Infinity;
  private cost = 0;

  constructor(private readonly clock: Clock = systemClock) {}

  /** Only work that succeeds is measured: what a failure took says nothing about the work. */
  async measure<T>(work: () => Promise<T>): Promise<T> {
    const before = this.clock.used();
    const result = await work();
    this.ended = this.clock.now();
    this.cost = this.clock.used() - before;
    return result;
  }

  /** @param share of the time that the work may take, above 0, at most 1. */
  allows(share: number): boolean {
    return this.clock.now() - this.ended >= this.cost / share;
  }
}
