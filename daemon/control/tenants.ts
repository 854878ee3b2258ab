import { conflict, inUse, invalid } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { checkName, defaultTenant } from '../../src/model/names.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Store } from '../store/port.js';
import type { State } from './state.js';
import { combine, transact, when, write } from './transact.js';

/** Creates and deletes tenants. */
export class Tenants {
  constructor(
    private readonly store: Store,
    private readonly state: State,
  ) {}

  /** Tenant default is always there. */
  async ensureDefault(): Promise<void> {
    await this.create(defaultTenant);
  }

  async create(name: string): Promise<{ created: boolean }> {
    const key = keys.tenant(checkName('tenant', name));
    const created = await transact(this.store, () => {
      const existing = this.state.tenants.get(key)?.value;
      if (existing?.deleting) throw conflict(`tenant ${name} is just being deleted; try again in a moment`);
      if (existing) return undefined;
      return combine(when({ key, is: 'absent' }), write({ key, put: encodeStored({ name }) }));
    });
    return { created };
  }

  /**
   * In two steps, so that nothing can be created in the tenant between the look and the deletion: a
   * network is created on the condition that its tenant is as it was when looked at.
   */
  async delete(name: string): Promise<void> {
    if (name === defaultTenant) throw invalid(`tenant ${defaultTenant} cannot be deleted: it is always there`);
    const key = keys.tenant(name);
    this.refuseIfUsed(name);
    await transact(this.store, () => {
      const { value, revision } = this.state.requireTenant(name);
      return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored({ ...value, deleting: true }) }));
    });
    try {
      this.refuseIfUsed(name);
    } catch (error) {
      await transact(this.store, () => write({ key, put: encodeStored({ name }) }));
      throw error;
    }
    await transact(this.store, () => write({ key, delete: true }));
  }

  /** Ends deletions that a crash interrupted: before the deletion itself, the tenant stays. */
  async recover(): Promise<void> {
    for (const { name, deleting } of this.state.tenants.values()) {
      if (deleting) await transact(this.store, () => write({ key: keys.tenant(name), put: encodeStored({ name }) }));
    }
  }

  private refuseIfUsed(name: string): void {
    this.state.requireTenant(name);
    const networks = this.state.networks.of(name).map((network) => network.name);
    if (networks.length > 0) {
      throw inUse(`tenant ${name} cannot be deleted: it has ${counted(networks, 'network')}; delete them first`);
    }
  }
}

/** "2 networks (a, b)"; long lists are cut. */
export function counted(names: readonly string[], noun: string): string {
  const shown = [...names].sort().slice(0, 5).join(', ');
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.length} ${noun}${names.length === 1 ? '' : 's'} (${shown}${more})`;
}
