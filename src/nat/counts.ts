/** How many hold each thing of a collection. */
export class Counts<T> {
  private readonly entries = new Map<string, { readonly item: T; count: number }>();

  /** Not listed before somebody goes through them: there may be thousands, and most who are given them do not need them. */
  get items(): Iterable<T> {
    const { entries } = this;
    return {
      *[Symbol.iterator]() {
        for (const { item } of entries.values()) yield item;
      },
    };
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  /** Returns the things that nobody holds any more, and those that nobody held before. */
  change(released: Iterable<readonly [key: string, item: T]>, taken: Iterable<readonly [key: string, item: T]>): { lost: Map<string, T>; found: Map<string, T> } {
    const [before, touched] = [new Set<string>(), new Map<string, T>()];
    const touch = ([key, item]: readonly [string, T], by: number): void => {
      const entry = this.entries.get(key) ?? { item, count: 0 };
      if (!touched.has(key) && entry.count > 0) before.add(key);
      touched.set(key, entry.item);
      this.entries.set(key, entry);
      entry.count += by;
    };
    for (const each of released) touch(each, -1);
    for (const each of taken) touch(each, 1);
    for (const key of touched.keys()) if (this.entries.get(key)?.count === 0) this.entries.delete(key);
    const lost = new Map([...touched].filter(([key]) => before.has(key) && !this.has(key)));
    const found = new Map([...touched].filter(([key]) => !before.has(key) && this.has(key)));
    return { lost, found };
  }
}
