import { uplinkCapacity, uplinkLink, type UplinkLink, type UplinkRanges } from '../../src/fabric/uplink.js';
import { NetctlError } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { subnetsOf, type Network } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import { hasHostAccess, type Tenant } from '../../src/model/tenant.js';
import type { Store } from '../store/port.js';
import type { State } from './state.js';
import { transact, when, write, type Fragment } from './transact.js';

type Outlook = Pick<Network, 'ipv4' | 'ipv6' | 'internal'>;

/** Whether what containers of the network begin may leave the tenant. */
export function isOutward(network: Outlook): boolean {
  return !network.internal && subnetsOf(network).some(({ gateway }) => gateway !== undefined);
}

/**
 * Gives each tenant on this host that needs one an uplink, by a number. It is the tenant's until it has no network
 * any more, also while it needs none: so its addresses stay.
 */
export class Uplinks {
  /** Why a tenant has none, if it needs one. */
  private readonly errors = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly state: State,
    private readonly host: string,
    private readonly ranges: UplinkRanges,
  ) {}

  /** The tenant's uplink on this host; undefined: it has, or needs, none. */
  linkOf(tenantName: string): UplinkLink | undefined {
    const { tenants, networks, uplinks } = this.state;
    const tenant = tenants.get(keys.tenant(tenantName))?.value;
    const uplink = uplinks.get(keys.uplink(this.host, tenantName))?.value;
    if (!tenant || !uplink || !needsUplink(tenant, networks.of(tenantName))) return undefined;
    // Another netctld may have had larger ranges.
    return uplink.index < uplinkCapacity(this.ranges) ? uplinkLink(uplink, this.ranges) : undefined;
  }

  /** The tenants that hold a number on this host. */
  tenants(): string[] {
    return this.state.uplinks.values().flatMap(({ host, tenant }) => (host === this.host ? [tenant] : []));
  }

  /**
   * What must be written so that the tenant has its uplink when it has these networks; empty if nothing must.
   * @throws NetctlError `exhausted` if all numbers are taken.
   */
  plan(tenant: Tenant, networks: readonly Outlook[]): Fragment {
    const key = keys.uplink(this.host, tenant.name);
    if (!needsUplink(tenant, networks)) return write();
    const held = this.state.uplinks.get(key);
    const capacity = uplinkCapacity(this.ranges);
    if (held && held.value.index < capacity) return write();
    const index = this.lowestFree(capacity);
    const put = encodeStored({ host: this.host, tenant: tenant.name, index });
    return { ...when(held ? { key, is: 'at', revision: held.revision } : { key, is: 'absent' }), operations: [{ key, put }] };
  }

  /** Sees to it that the tenant has its uplink: networks may be from before there were any, or from another host. What is refused is told by {@link errorOf}. */
  async ensure(tenantName: string): Promise<void> {
    this.errors.delete(tenantName);
    const plan = (): Fragment | undefined => {
      const tenant = this.state.tenants.get(keys.tenant(tenantName))?.value;
      return tenant && this.plan(tenant, this.state.networks.of(tenantName));
    };
    try {
      // Nearly always there is nothing to write, and no reason to wait for those who write: behind 400 changes of services a pass once waited for seconds.
      if (plan()?.operations.length) await transact(this.store, plan);
    } catch (error) {
      if (!(error instanceof NetctlError && error.code === 'exhausted')) throw error;
      this.errors.set(tenantName, error.message);
    }
  }

  errorOf(tenantName: string): string | undefined {
    return this.errors.get(tenantName);
  }

  /** To be called when the link is gone, so that nobody meets it under his number. */
  async release(tenantName: string): Promise<void> {
    this.errors.delete(tenantName);
    const key = keys.uplink(this.host, tenantName);
    await transact(this.store, () => {
      const held = this.state.uplinks.get(key);
      if (!held || this.state.networks.of(tenantName).length > 0) return undefined;
      return { ...when({ key, is: 'at', revision: held.revision }), operations: [{ key, delete: true }] };
    });
  }

  private lowestFree(capacity: number): number {
    const taken = new Set(this.state.uplinks.values().flatMap(({ host, index }) => (host === this.host ? [index] : [])));
    for (let index = 0; index < capacity; index++) if (!taken.has(index)) return index;
    throw new NetctlError(
      'exhausted',
      `no address is left for the link between one more tenant and this host: ${capacity === 1 ? '1 tenant has' : `${capacity} tenants have`} one; delete networks, or give netctld larger ranges (--uplink-subnet, --uplink-subnetv6)`,
    );
  }
}

function needsUplink(tenant: Tenant, networks: readonly Outlook[]): boolean {
  return networks.some((network) => isOutward(network) || (hasHostAccess(tenant) && !network.internal));
}
