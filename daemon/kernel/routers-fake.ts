import { unavailable } from '../../src/model/errors.js';
import type { EnsuredRouter, Routers } from './port.js';

/** Routers without a kernel, for tests of what stands on them. The other fakes ask it which routers there are. */
export class FakeRouters implements Routers {
  readonly #tenants = new Map<string, symbol>();

  list(): Promise<string[]> {
    return Promise.resolve([...this.#tenants.keys()].toSorted());
  }

  ensure(tenant: string): Promise<EnsuredRouter> {
    if (this.#tenants.has(tenant)) return Promise.resolve({ namespace: 'found', settings: 0 });
    this.#tenants.set(tenant, Symbol(tenant));
    return Promise.resolve({ namespace: 'made', settings: 0 });
  }

  isIntact(tenant: string): boolean {
    return this.#tenants.has(tenant);
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
