/** The longest wait that setTimeout takes; beyond it, it would fire at once. */
const longestMs = 2 ** 31 - 1;

/** Timers by name: setting one again replaces it. */
export class Timers {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  /** Calls `fire` once, in `ms` milliseconds or the longest time that a timer can wait. */
  set(name: string, ms: number, fire: () => void): void {
    this.clear(name);
    const timer = setTimeout(
      () => {
        this.timers.delete(name);
        fire();
      },
      // A timer may fire up to a millisecond early.
      Math.min(Math.ceil(Math.max(ms, 0)) + 1, longestMs),
    );
    this.timers.set(name, timer);
  }

  has(name: string): boolean {
    return this.timers.has(name);
  }

  /** This timer, or all. */
  clear(name?: string): void {
    for (const known of name === undefined ? [...this.timers.keys()] : [name]) {
      clearTimeout(this.timers.get(known));
      this.timers.delete(known);
    }
  }
}
