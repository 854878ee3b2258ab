import { conflict, inUse, invalid } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { checkName, defaultTenant } from '../../src/model/names.js';
import type { TenantRequest } from '../../src/model/request.js';
import { encodeStored } from '../../src/model/stored.js';
import { hasHostAccess, type Tenant } from '../../src/model/tenant.js';
import type { OtherRoute } from '../../src/host/reach.js';
import type { Store } from '../store/port.js';
import type { DeletionMarks } from './deletion-marks.js';
import type { HostAccess } from './host-access.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { counted } from './wording.js';
import { combine, transact, when, write, type Fragment } from './transact.js';

/** Creates, changes and deletes tenants. */
export class Tenants {
  constructor(
    private readonly store: Store,
    private readonly state: State,
    private readonly hostAccess: Pick<HostAccess, 'routes' | 'refuseOverlap'>,
    private readonly marks: DeletionMarks,
  ) {}

  /** Tenant default is always there. */
  async ensureDefault(): Promise<void> {
    await this.create({ name: defaultTenant });
  }

  /** Changes the tenant if it is there already; what the request does not say stays as it is. */
  async create(request: TenantRequest): Promise<{ created: boolean; tenant: Tenant }> {
    const key = keys.tenant(checkName('tenant', request.name));
    const routes = request.hostAccess === true ? await this.hostAccess.routes() : [];
    let created = false;
    await transact(this.store, () => {
      const existing = this.state.tenants.get(key);
      created = existing === undefined;
      if (existing) return this.planChange(existing, request, routes);
      return combine(when({ key, is: 'absent' }), write({ key, put: encodeStored(request) }));
    });
    return { created, tenant: this.state.requireTenant(request.name).value };
  }

  /**
   * In two steps, so that nothing can be created in the tenant between the look and the deletion: a
   * network is created on the condition that its tenant is as it was when looked at.
   */
  async delete(name: string): Promise<void> {
    if (name === defaultTenant) throw invalid(`tenant ${defaultTenant} cannot be deleted: it is always there`);
    this.refuseIfUsed(name);
    const key = keys.tenant(name);
    await this.marks.during(key, `tenant ${name}`, async () => {
      this.refuseIfUsed(name);
      await transact(this.store, () => {
        const { revision } = this.state.requireTenant(name);
        if (!this.marks.isOwn(key)) throw conflict(`tenant ${name} was not deleted: the other hosts did not hear of this one for a while, and took the deletion back; try again`);
        return combine(when({ key, is: 'at', revision }), write({ key, delete: true }));
      });
    });
  }

  /** Nobody can create a network meanwhile that overlaps: that writes the tenant, too. */
  private planChange({ value, revision }: Stored<Tenant>, { name, hostAccess }: TenantRequest, routes: readonly OtherRoute[]): Fragment | undefined {
    const key = keys.tenant(name);
    if (value.deleting) throw conflict(`tenant ${name} is just being deleted; try again in a moment`);
    if (hostAccess === undefined || hostAccess === hasHostAccess(value)) return undefined;
    const changed = { ...value, hostAccess };
    this.hostAccess.refuseOverlap(changed, this.state.networks.of(name), routes);
    return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored(changed) }));
  }

  private refuseIfUsed(name: string): void {
    this.state.requireTenant(name);
    const networks = this.state.networks.of(name).map((network) => network.name);
    if (networks.length > 0) {
      throw inUse(`tenant ${name} cannot be deleted: it has ${counted(networks, 'network')}; delete ${networks.length === 1 ? 'it' : 'them'} first`);
    }
    const [unnamed] = this.state.unnamed.of(name);
    if (unnamed) {
      throw inUse(
        `tenant ${name} cannot be deleted: Docker on host ${unnamed.host} has made a network of it that has no name yet; try again in a moment, or remove it there with "docker network rm ${unnamed.dockerNetworkId.slice(0, 12)}"`,
      );
    }
  }
}
