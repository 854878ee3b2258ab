import type { Change } from '../store/port.js';

/** An object together with the revision of the store at which it was last written. */
export interface Stored<T> {
  readonly value: T;
  readonly revision: number;
}

/** The store's objects of one kind, decoded: by key, and by tenant. */
export class Table<T> {
  private readonly entries = new Map<string, Stored<T>>();
  private readonly byTenant = new Map<string, Map<string, T>>();

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
    const before = this.entries.get(change.key);
    if (before) this.drop(change.key, before.value);
    if ('put' in change) this.add(change.key, { value: this.decode(change.put.value), revision: change.put.revision });
    const value = this.entries.get(change.key)?.value ?? before?.value;
    return value === undefined ? undefined : this.tenantOf(value);
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
    return [...(this.byTenant.get(tenant)?.values() ?? [])];
  }

  clear(): void {
    this.entries.clear();
    this.byTenant.clear();
  }

  private add(key: string, stored: Stored<T>): void {
    this.entries.set(key, stored);
    const tenant = this.tenantOf(stored.value);
    const siblings = this.byTenant.get(tenant) ?? new Map<string, T>();
    this.byTenant.set(tenant, siblings.set(key, stored.value));
  }

  private drop(key: string, value: T): void {
    this.entries.delete(key);
    const tenant = this.tenantOf(value);
    const siblings = this.byTenant.get(tenant);
    siblings?.delete(key);
    if (siblings?.size === 0) this.byTenant.delete(tenant);
  }
}
