import { checkSubnet } from '../ipam/subnet.js';
import { checkVni } from '../ipam/vni.js';
import { IpAddress, type Family } from '../model/address.js';
import { invalid } from '../model/errors.js';
import { checkName } from '../model/names.js';
import type { Subnet } from '../model/network.js';
import type { NetworkRequest, ServiceRequest } from '../model/request.js';
import type { Tenant } from '../model/tenant.js';
import { parseSelectors } from '../selectors/parse.js';
import type { NetworkObject, ServiceObject, TenantObject } from './objects.js';
import { parsePorts } from './ports.js';

/*
 * From the REST objects to what is asked for, by all rules that need nothing but the object itself.
 * An empty text is a field that is absent, as Contiv's clients write it. The schemas in objects.ts
 * have seen to the types.
 */

/** @throws NetctlError `invalid`. */
export function decodeTenant({ tenantName }: TenantObject): Tenant {
  return { name: checkName('tenant', tenantName) };
}

/** @throws NetctlError `invalid` with the first rule that the object breaks. */
export function decodeNetwork(object: NetworkObject): NetworkRequest {
  const tenant = checkName('tenant', object.tenantName);
  const name = checkName('network', object.networkName);
  checkKind(object);
  const ipv4 = decodeSubnet(4, object.subnet, object.gateway);
  const ipv6 = decodeSubnet(6, object.ipv6Subnet, object.ipv6Gateway);
  if (!ipv4 && !ipv6) throw invalid(`network ${name} needs a subnet, for example 10.1.1.0/24`);
  return {
    tenant,
    name,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    // Contiv's clients always send a packet tag: 0 stands for any.
    ...(object.pktTag && { vni: checkVni(object.pktTag) }),
    ...(object.cfgdTag && { tag: checkTag(object.cfgdTag) }),
  };
}

/** @throws NetctlError `invalid` with the first rule that the object breaks. */
export function decodeService(object: ServiceObject): ServiceRequest {
  return {
    tenant: checkName('tenant', object.tenantName),
    name: checkName('service', object.serviceName),
    network: checkName('network', object.networkName),
    selectors: parseSelectors(object.selectors),
    ports: parsePorts(object.ports),
    algorithm: 'roundrobin',
    weights: [],
    ips: object.ipAddress ? [decodeServiceIp(object.ipAddress)] : [],
  };
}

function checkKind({ nwType, encap }: NetworkObject): void {
  if (nwType && nwType !== 'data') {
    throw invalid(`network type "${nwType}" is not supported: every network is of type data, one that containers attach to`);
  }
  if (encap && encap !== 'vxlan') {
    throw invalid(`encapsulation "${encap}" is not supported: networks reach from host to host by vxlan only`);
  }
}

function decodeSubnet(family: Family, subnet: string | undefined, gateway: string | undefined): Subnet | undefined {
  if (subnet) return checkSubnet(family, subnet, gateway || undefined);
  if (gateway) throw invalid(`the IPv${family} gateway ${gateway} has no IPv${family} subnet to be in: give the subnet, too`);
  return undefined;
}

/** The tag stands in a column of a table. */
function checkTag(tag: string): string {
  if (/^[^\s\p{Cc}]{1,64}$/u.test(tag)) return tag;
  throw invalid(`the network tag "${tag}" is not one word of at most 64 characters`);
}

function decodeServiceIp(text: string): IpAddress {
  const address = IpAddress.tryParse(text);
  if (address) return address;
  throw invalid(`the service IP "${text}" is not an IP address`);
}
