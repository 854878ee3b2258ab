import type { Prefix } from '../model/address.js';

/** A route of the host that is not netctl's. */
export interface OtherRoute {
  readonly prefix: Prefix;
  readonly link: string;
}

/** The links of Docker's own networks that always have the same name. */
export const fixedDockerBridges: readonly string[] = ['docker0', 'docker_gwbridge'];

/** Whether it is a link of a network of Docker's own, told by its name: `br-` and twelve digits of the network's id, unless its user named it otherwise. */
export function isDockerBridge(link: string): boolean {
  return /^br-[0-9a-f]{12}$/.test(link) || fixedDockerBridges.includes(link);
}

/** The links of Docker's own networks. Those that always have the same name are among them, if there is a route by them. */
export function dockerBridges(routes: readonly OtherRoute[]): string[] {
  return [...new Set(routes.map(({ link }) => link))].filter(isDockerBridge);
}

/** A tenant that the host itself reaches, and the networks in it that it may reach. */
export interface ReachedTenant {
  readonly tenant: string;
  readonly networks: readonly { readonly network: string; readonly prefix: Prefix }[];
}

/** What of one tenant the host reaches. */
export interface Reach {
  readonly reachable: readonly Prefix[];
  /** Why the others are left out, one sentence each. */
  readonly leftOut: readonly string[];
}

/**
 * What is in the way of a route of the host to the subnet, in words that follow "overlaps with"; undefined: nothing is.
 * @param others the tenants that the host reaches besides the one that has the subnet
 */
export function obstacleTo(subnet: Prefix, routes: readonly OtherRoute[], others: readonly ReachedTenant[]): string | undefined {
  const route = routes.find(({ prefix }) => !isHalf(prefix) && prefix.overlaps(subnet));
  if (route) return `route ${route.prefix.toString()} dev ${route.link} of this host`;
  for (const { tenant, networks } of others) {
    const other = networks.find(({ prefix }) => prefix.overlaps(subnet));
    if (other) return `${other.prefix.toString()} of network ${other.network} in tenant ${tenant}, which this host reaches, too`;
  }
  return undefined;
}

/** VPNs (OpenVPN's redirect-gateway def1) give two halves of all addresses the way that a default route has, so as to leave that alone. */
function isHalf({ length }: Prefix): boolean {
  return length <= 1;
}

/**
 * What the host reaches of each tenant. What overlaps with a route of the host is left out, and what overlaps with a subnet
 * of a tenant that comes earlier: a packet of the host has one way only.
 */
export function planReach(tenants: readonly ReachedTenant[], routes: readonly OtherRoute[]): Map<string, Reach> {
  const plan = new Map<string, Reach>();
  const earlier: ReachedTenant[] = [];
  for (const { tenant, networks } of tenants) {
    const judged = networks.map((network) => ({ ...network, obstacle: obstacleTo(network.prefix, routes, earlier) }));
    const reached = judged.filter(({ obstacle }) => obstacle === undefined);
    earlier.push({ tenant, networks: reached });
    plan.set(tenant, {
      reachable: reached.map(({ prefix }) => prefix),
      leftOut: judged.flatMap(({ network, prefix, obstacle }) =>
        obstacle === undefined ? [] : [`the host does not reach subnet ${prefix.toString()} of network ${network}, because it overlaps with ${obstacle}`],
      ),
    });
  }
  return plan;
}
