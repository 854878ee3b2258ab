/** Runs tasks one after another, in the order in which they were given. A failed task does not hold up the next. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    // The caller sees the failure; the queue only needs to know that the task is over.
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when every task given so far is over. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
