import { formatSubnet } from '../ipam/subnet.js';
import { objectKey } from '../model/names.js';
import type { Network } from '../model/network.js';
import type { Service } from '../model/service.js';
import { hasHostAccess, type Tenant } from '../model/tenant.js';
import { formatTerm } from '../selectors/format.js';
import { formatWeight } from '../selectors/weights.js';
import type { NetworkObject, ServiceObject, TenantObject } from './objects.js';
import { formatPort } from './ports.js';

/*
 * From the resources to the REST objects: what the user asked for, in canonical form. Decoded again
 * they ask for the same.
 */

export function encodeTenant(tenant: Tenant): TenantObject {
  return { key: tenant.name, tenantName: tenant.name, hostAccess: hasHostAccess(tenant) };
}

export function encodeNetwork({ tenant, name, ipv4, ipv6, requestedVni, tag, internal, encrypted }: Network): NetworkObject {
  return {
    key: objectKey(tenant, name),
    tenantName: tenant,
    networkName: name,
    nwType: 'data',
    encap: 'vxlan',
    ...(requestedVni !== undefined && { pktTag: requestedVni }),
    ...(ipv4 && { subnet: formatSubnet(ipv4) }),
    ...(ipv4?.gateway && { gateway: ipv4.gateway.toString() }),
    ...(ipv6 && { ipv6Subnet: formatSubnet(ipv6) }),
    ...(ipv6?.gateway && { ipv6Gateway: ipv6.gateway.toString() }),
    ...(tag !== undefined && { cfgdTag: tag }),
    ...(internal && { internal }),
    ...(encrypted && { encrypted }),
  };
}

/** Round robin over any provider is what an object asks for that says nothing of it, as those of Contiv's clients do. */
export function encodeService({ tenant, name, network, requestedIps: [first, second], ports, selectors, algorithm, weights, prefer }: Service): ServiceObject {
  return {
    key: objectKey(tenant, name),
    tenantName: tenant,
    serviceName: name,
    networkName: network,
    ...(first && { ipAddress: first.toString() }),
    ...(second && { ipv6Address: second.toString() }),
    ports: ports.map(formatPort),
    selectors: selectors.map(formatTerm),
    ...(algorithm !== 'roundrobin' && { algorithm }),
    ...(weights.length > 0 && { weights: weights.map(formatWeight) }),
    ...(prefer !== 'any' && { prefer }),
  };
}
