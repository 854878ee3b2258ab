/**
 * Objects by key, as a list in which each keeps its place: a new one comes last, and what another one leaves is taken by the last. A list that
 * was given out never changes.
 */
export class PlacedList<T> {
  private readonly places = new Map<string, number>();
  private readonly keys: string[] = [];
  private items: T[] = [];
  /** Somebody has the list: it is copied before it changes. */
  private isGiven = false;

  get list(): readonly T[] {
    this.isGiven = true;
    return this.items;
  }

  get size(): number {
    return this.items.length;
  }

  has(key: string): boolean {
    return this.places.has(key);
  }

  set(key: string, item: T): void {
    const place = this.places.get(key) ?? this.items.length;
    this.writable()[place] = item;
    this.keys[place] = key;
    this.places.set(key, place);
  }

  delete(key: string): void {
    const place = this.places.get(key);
    if (place === undefined) return;
    this.places.delete(key);
    const items = this.writable();
    const [lastKey, last] = [this.keys.pop(), items.pop()];
    if (place === items.length || lastKey === undefined || last === undefined) return;
    items[place] = last;
    this.keys[place] = lastKey;
    this.places.set(lastKey, place);
  }

  private writable(): T[] {
    if (this.isGiven) this.items = this.items.slice();
    this.isGiven = false;
    return this.items;
  }
}
