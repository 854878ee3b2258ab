/**
 * Which containers to ask Docker about. Each is asked about by one question at a time, and a
 * bounded number at once; who is added while his question is under way is asked about once more
 * after it, however often he was added.
 */
export class Lookups {
  private readonly waiting = new Set<string>();
  private readonly running = new Set<string>();
  private open = false;

  constructor(
    /** Asks about one container. Must not reject. */
    private readonly lookUp: (id: string) => Promise<void>,
    private readonly atOnce = 8,
  ) {}

  add(id: string): void {
    this.waiting.add(id);
    this.next();
  }

  /** Until then, and after {@link stop}, containers only gather. */
  start(): void {
    this.open = true;
    this.next();
  }

  stop(): void {
    this.open = false;
  }

  private next(): void {
    if (!this.open) return;
    for (const id of this.waiting) {
      if (this.running.size >= this.atOnce) return;
      if (this.running.has(id)) continue;
      this.waiting.delete(id);
      void this.run(id);
    }
  }

  private async run(id: string): Promise<void> {
    this.running.add(id);
    await this.lookUp(id);
    this.running.delete(id);
    this.next();
  }
}
