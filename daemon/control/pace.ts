/** Milliseconds since some time in the past. */
export const now = (): number => performance.now();

/** Keeps work that is done again and again to a share of the time, by how long it took when it was done last. */
export class Pace {
  private ended = -Infinity;
  private took = 0;

  constructor(private readonly clock: () => number = now) {}

  /** Only work that succeeds is measured: how long a failure took says nothing about the work. */
  async measure<T>(work: () => Promise<T>): Promise<T> {
    const began = this.clock();
    const result = await work();
    this.ended = this.clock();
    this.took = this.ended - began;
    return result;
  }

  /** @param share of the time that the work may take, above 0, at most 1. */
  allows(share: number): boolean {
    return this.clock() - this.ended >= this.took / share;
  }
}
