import { unavailable } from '../../src/model/errors.js';
import type { EnsuredRouter, Routers } from './port.js';

/** Routers without a kernel, for tests of what stands on them. The other fakes ask it which routers there are. */
export class FakeRouters implements Routers {
  readonly #tenants = new Map<string, symbol>();
  /** In these all bridges have bridge netfilter. */
  readonly #common = new Set<symbol>();

  list(): Promise<string[]> {
    return Promise.resolve([...this.#tenants.keys()].toSorted());
  }

  ensure(tenant: string): Promise<EnsuredRouter> {
    if (this.#tenants.has(tenant)) return Promise.resolve({ namespace: 'found', settings: 0 });
    this.#tenants.set(tenant, Symbol(tenant));
    this.#common.add(this.identityOf(tenant));
    return Promise.resolve({ namespace: 'made', settings: 0 });
  }

  isNetfilterWithBridges(tenant: string): boolean {
    return !this.#common.has(this.identityOf(tenant));
  }

  leaveNetfilterToBridges(tenant: string): number {
    return this.#common.delete(this.identityOf(tenant)) ? 3 : 0;
  }

  isIntact(tenant: string): boolean {
    return this.#tenants.has(tenant) && this.isNetfilterWithBridges(tenant);
  }

  /** Somebody, or an older version, turns bridge netfilter on for all bridges of the router. */
  giveNetfilterToAll(tenant: string): void {
    this.#common.add(this.identityOf(tenant));
  }

  remove(tenant: string): Promise<void> {
    this.#tenants.delete(tenant);
    return Promise.resolve();
  }

  /**
   * Stands for the router as long as it exists: another one after a removal is another symbol.
   * @throws NetctlError `unavailable` if there is no router.
   */
  identityOf(tenant: string): symbol {
    const identity = this.#tenants.get(tenant);
    if (identity === undefined) throw unavailable(`tenant ${tenant} has no router`);
    return identity;
  }

  /** Of all routers that exist. */
  identities(): symbol[] {
    return [...this.#tenants.values()];
  }
}
