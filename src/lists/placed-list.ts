import { keepOrigin } from './places.js';

/**
 * Objects by key, as a list in which each keeps its place: a new one comes last, and what another one leaves is taken by the last. A list that
 * was given out never changes.
 */
export class PlacedList<T extends object> {
  private readonly places = new Map<string, number>();
  private readonly keys: string[] = [];
  private items: T[] = [];
  /** The one that somebody has: it is copied before it changes. */
  private given: readonly T[] | undefined;
  /** Where it may have changed since. */
  private readonly touched = new Set<number>();

  get list(): readonly T[] {
    const { given, items } = this;
    if (given && given !== items) keepOrigin(items, given, [...this.touched].filter((place) => given[place] !== items[place]).sort((a, b) => a - b));
    this.touched.clear();
    this.given = items;
    return items;
  }

  get size(): number {
    return this.items.length;
  }

  has(key: string): boolean {
    return this.places.has(key);
  }

  set(key: string, item: T): void {
    const place = this.places.get(key) ?? this.items.length;
    this.writable(place)[place] = item;
    this.keys[place] = key;
    this.places.set(key, place);
  }

  delete(key: string): void {
    const place = this.places.get(key);
    if (place === undefined) return;
    this.places.delete(key);
    const items = this.writable(place, this.items.length - 1);
    const [lastKey, last] = [this.keys.pop(), items.pop()];
    if (place === items.length || lastKey === undefined || last === undefined) return;
    items[place] = last;
    this.keys[place] = lastKey;
    this.places.set(lastKey, place);
  }

  private writable(...places: readonly number[]): T[] {
    if (this.given === this.items) this.items = this.items.slice();
    if (this.given) for (const place of places) this.touched.add(place);
    return this.items;
  }
}
