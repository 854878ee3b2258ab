import type { Change, Entry, Json } from './port.js';
import type { Revisions } from './transaction.js';

/** An entry without its key. */
export interface Kept {
  /** JSON text, so that no reader and no writer shares an object with the store. */
  readonly text: string;
  readonly revision: number;
}

/** Keys are in the order of their bytes in UTF-8, as LevelDB and etcd have them; JavaScript's own order is the same but for what is beyond U+FFFF. */
const isBeyondUnits = /[\ud800-\udfff]/;

/** The entries of a store, in memory. */
export class EntryTable {
  readonly #entries: Map<string, Kept>;

  constructor(entries: Iterable<readonly [string, Kept]> = []) {
    this.#entries = new Map(entries);
  }

  kept(key: string): Kept | undefined {
    return this.#entries.get(key);
  }

  get(key: string): Entry | undefined {
    const kept = this.#entries.get(key);
    return kept && toEntry(key, kept);
  }

  /** In the order of keys. */
  list(prefix: string): Entry[] {
    const found = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    const ordered = found.some(([key]) => isBeyondUnits.test(key)) ? found.sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))) : found.sort(([one], [other]) => (one < other ? -1 : 1));
    return ordered.map(([key, kept]) => toEntry(key, kept));
  }

  revisionsOf(keys: readonly string[]): Revisions {
    return new Map(keys.flatMap((key) => {
      const kept = this.#entries.get(key);
      return kept ? [[key, kept.revision] as const] : [];
    }));
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if ('delete' in change) this.#entries.delete(change.key);
      else this.#entries.set(change.key, keep(change.put));
    }
  }
}

export function keep({ value, revision }: Entry): Kept {
  return { text: JSON.stringify(value), revision };
}

function toEntry(key: string, { text, revision }: Kept): Entry {
  return { key, value: JSON.parse(text) as Json, revision };
}
