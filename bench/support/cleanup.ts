/** What is to be done in the end, also when the user interrupts it. */
export class Cleanup {
  private works: (() => Promise<unknown>)[] = [];
  private readonly interrupted = (): void => void this.run().finally(() => process.exit(130));

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, this.interrupted);
  }

  add(work: () => Promise<unknown>): void {
    this.works.push(work);
  }

  /** The last one that was added first. What fails is told, and does not keep the others. */
  async run(): Promise<void> {
    for (let work = this.works.pop(); work; work = this.works.pop()) {
      await work().catch((error: unknown) => console.error('bench: could not clean up:', error));
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, this.interrupted);
  }
}
