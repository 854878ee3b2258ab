/** Waits for conditions that only become true when something changes. */
export class Waiting {
  private readonly checks = new Set<() => void>();

  /** Something changed: whoever waits looks again. */
  recheck(): void {
    for (const check of [...this.checks]) check();
  }

  /** Resolves when the condition holds, but within `ms` milliseconds in any case; with whether it holds. */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    if (condition()) return true;
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.checks.delete(check);
        resolve(condition());
      };
      const check = (): void => {
        if (condition()) end();
      };
      const timer = setTimeout(end, ms);
      this.checks.add(check);
    });
  }
}
