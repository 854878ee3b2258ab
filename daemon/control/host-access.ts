import { obstacleTo, planReach, type OtherRoute, type Reach, type ReachedTenant } from '../../src/host/reach.js';
import type { Prefix } from '../../src/model/address.js';
import { conflict } from '../../src/model/errors.js';
import { subnetsOf, type Network } from '../../src/model/network.js';
import { hasHostAccess, type Tenant } from '../../src/model/tenant.js';
import type { HostNetwork } from '../kernel/port.js';
import type { State } from './state.js';

/** Which subnets of which tenants the host itself reaches, and what is in the way of others. */
export class HostAccess {
  constructor(
    private readonly state: State,
    private readonly hostNetwork: Pick<HostNetwork, 'foreignRoutes'>,
  ) {}

  /** The host's routes, to be asked for before a transaction is planned that may need them. */
  routes(): Promise<readonly OtherRoute[]> {
    return this.hostNetwork.foreignRoutes();
  }

  /**
   * To be asked before a network is created, or host access is turned on.
   * @throws NetctlError `conflict` if the host reaches the tenant, and cannot reach one of its networks.
   */
  refuseOverlap(tenant: Tenant, networks: readonly Pick<Network, 'name' | 'ipv4' | 'ipv6' | 'internal'>[], routes: readonly OtherRoute[]): void {
    if (!hasHostAccess(tenant)) return;
    const others = this.reachedTenants().filter((other) => other.tenant !== tenant.name);
    for (const { prefix } of networks.flatMap(reachedOf)) {
      const obstacle = obstacleTo(prefix, routes, others);
      if (obstacle === undefined) continue;
      throw conflict(
        `subnet ${prefix.toString()} overlaps with ${obstacle}: use another subnet, or a tenant without host access (netctl tenant create NAME)`,
      );
    }
  }

  /** What the host reaches, by tenant. Of two tenants that overlap the one whose name comes first is reached. */
  plan(routes: readonly OtherRoute[]): Map<string, Reach> {
    return planReach(this.reachedTenants(), routes);
  }

  private reachedTenants(): ReachedTenant[] {
    const { tenants, networks } = this.state;
    return tenants
      .values()
      .filter((tenant) => hasHostAccess(tenant))
      .map(({ name }) => ({ tenant: name, networks: networks.of(name).toSorted((a, b) => a.vni - b.vni).flatMap(reachedOf) }))
      .sort((a, b) => (a.tenant < b.tenant ? -1 : 1));
  }
}

/** Of an internal network nothing leaves the tenant, and nothing comes in. */
function reachedOf({ name, internal, ...network }: Pick<Network, 'name' | 'ipv4' | 'ipv6' | 'internal'>): { network: string; prefix: Prefix }[] {
  return internal ? [] : subnetsOf(network).map(({ prefix }) => ({ network: name, prefix }));
}
