import { PlacedList } from '../../src/lists/placed-list.js';
import type { Change } from '../store/port.js';

/** An object together with the revision of the store at which it was last written. */
export interface Stored<T> {
  readonly value: T;
  readonly revision: number;
}

const nothing: readonly never[] = [];

/** The store's objects of one kind, decoded: by key, and by tenant. */
export class Table<T extends object> {
  private readonly entries = new Map<string, Stored<T>>();
  private readonly byTenant = new Map<string, PlacedList<T>>();

  /**
   * @param prefix what the keys of this kind begin with
   * @param decode throws if the value is not understood
   */
  constructor(
    readonly prefix: string,
    readonly decode: (value: unknown) => T,
    private readonly tenantOf: (value: T) => string,
  ) {}

  /** Takes the change in; returns the tenant it happened in, if it changed anything. */
  apply(change: Change): string | undefined {
    const before = this.entries.get(change.key)?.value;
    const after = 'put' in change ? { value: this.decode(change.put.value), revision: change.put.revision } : undefined;
    const tenant = after && this.tenantOf(after.value);
    if (before !== undefined && this.tenantOf(before) !== tenant) this.drop(change.key, before);
    if (!after) return before === undefined ? undefined : this.tenantOf(before);
    this.add(change.key, after);
    return tenant;
  }

  get(key: string): Stored<T> | undefined {
    return this.entries.get(key);
  }

  get size(): number {
    return this.entries.size;
  }

  values(): T[] {
    return [...this.entries.values()].map((stored) => stored.value);
  }

  of(tenant: string): T[] {
    return [...this.listOf(tenant)];
  }

  /** The same, but always the same list as long as nothing changes in it: what stays keeps its place. */
  listOf(tenant: string): readonly T[] {
    return this.byTenant.get(tenant)?.list ?? nothing;
  }

  clear(): void {
    this.entries.clear();
    this.byTenant.clear();
  }

  private add(key: string, stored: Stored<T>): void {
    this.entries.set(key, stored);
    const tenant = this.tenantOf(stored.value);
    const siblings = this.byTenant.get(tenant) ?? new PlacedList<T>();
    siblings.set(key, stored.value);
    this.byTenant.set(tenant, siblings);
  }

  private drop(key: string, value: T): void {
    this.entries.delete(key);
    const tenant = this.tenantOf(value);
    const siblings = this.byTenant.get(tenant);
    siblings?.delete(key);
    if (siblings?.size === 0) this.byTenant.delete(tenant);
  }
}
