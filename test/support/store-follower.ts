import type { Entry, Store } from '../../daemon/store/port.js';

/** A live copy of a store, which notes when it was told something twice, out of order, or that it must list again. */
export class StoreFollower {
  readonly entries = new Map<string, Entry>();
  readonly problems: string[] = [];
  readonly lost: string[] = [];
  /** How many revisions it was told of. */
  told = 0;
  #last = 0;

  constructor(private readonly store: Store) {}

  /** Lists, and follows from there; again whenever it must. */
  async follow(): Promise<this> {
    const { entries, revision } = await this.store.list('');
    this.entries.clear();
    for (const entry of entries) this.entries.set(entry.key, entry);
    this.#last = revision;
    this.store.watch('', revision, {
      changed: (set) => {
        if (set.revision <= this.#last) this.problems.push(`revision ${set.revision} was told after ${this.#last}`);
        this.#last = set.revision;
        this.told++;
        for (const change of set.changes) {
          if ('put' in change) this.entries.set(change.key, change.put);
          else if (!this.entries.delete(change.key)) this.problems.push(`${change.key} was deleted and not there`);
        }
      },
      lost: (reason) => {
        this.lost.push(reason);
        this.follow().catch((error: unknown) => this.problems.push(String(error)));
      },
    });
    return this;
  }

  get text(): string {
    return JSON.stringify([...this.entries.values()].sort((one, other) => (one.key < other.key ? -1 : 1)));
  }
}
