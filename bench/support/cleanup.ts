/** What is to be done in the end, also when the user interrupts it. */
export class Cleanup {
  private readonly works: (() => Promise<unknown>)[] = [];
  private running: Promise<void> | undefined;
  private readonly interrupted = (): void => void this.run().finally(() => process.exit(130));

  constructor() {
    // Not `once`: execa ends the process by the signal as soon as nobody else listens for it.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, this.interrupted);
  }

  add(work: () => Promise<unknown>): void {
    this.works.push(work);
  }

  /** The last one that was added first. What fails is told, and does not keep the others. Everybody who calls it waits until all is done. */
  run(): Promise<void> {
    this.running ??= this.runAll();
    return this.running;
  }

  private async runAll(): Promise<void> {
    for (let work = this.works.pop(); work; work = this.works.pop()) {
      await work().catch((error: unknown) => console.error('bench: could not clean up:', error));
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, this.interrupted);
  }
}
