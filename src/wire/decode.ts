import { checkSubnet } from '../ipam/subnet.js';
import { checkVni } from '../ipam/vni.js';
import { IpAddress, type Family } from '../model/address.js';
import { invalid } from '../model/errors.js';
import { checkName } from '../model/names.js';
import type { Subnet } from '../model/network.js';
import type { NetworkRequest, ServiceChange, ServiceRequest, TenantRequest } from '../model/request.js';
import { algorithms, preferences, type Algorithm, type Preference } from '../model/service.js';
import { parseSelectors } from '../selectors/parse.js';
import { parseWeights } from '../selectors/weights.js';
import type { NetworkObject, ServiceChangeObject, ServiceObject, TenantObject } from './objects.js';
import { parsePorts } from './ports.js';

/*
 * From the REST objects to what is asked for, by all rules that need nothing but the object itself.
 * An empty text is a field that is absent, as Contiv's clients write it. The schemas in objects.ts
 * have seen to the types.
 */

/** @throws NetctlError `invalid`. */
export function decodeTenant({ tenantName, hostAccess }: TenantObject): TenantRequest {
  return { name: checkName('tenant', tenantName), ...(hostAccess === undefined ? {} : { hostAccess }) };
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
    ...(object.internal && { internal: true }),
    ...(object.encrypted !== undefined && { encrypted: object.encrypted }),
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
    algorithm: object.algorithm ? decodeAlgorithm(object.algorithm) : 'roundrobin',
    weights: parseWeights(object.weights ?? []),
    prefer: object.prefer ? decodePreference(object.prefer) : 'any',
    ips: decodeServiceIps(object),
  };
}

/**
 * What the object has is to be changed, all else is to stay. Empty texts are absent here, too; an empty list
 * of weights takes all weights away.
 * @throws NetctlError `invalid` with the first rule that the object breaks.
 */
export function decodeServiceChange(tenant: string, name: string, object: ServiceChangeObject): ServiceChange {
  const { networkName, selectors, ports, algorithm, weights, prefer } = object;
  const ips = decodeServiceIps(object);
  return {
    tenant: checkName('tenant', tenant),
    name: checkName('service', name),
    ...(networkName && { network: checkName('network', networkName) }),
    ...(selectors && { selectors: parseSelectors(selectors) }),
    ...(ports && { ports: parsePorts(ports) }),
    ...(algorithm && { algorithm: decodeAlgorithm(algorithm) }),
    ...(weights && { weights: parseWeights(weights) }),
    ...(prefer && { prefer: decodePreference(prefer) }),
    ...(ips.length > 0 && { ips }),
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

function decodeAlgorithm(word: string): Algorithm {
  const algorithm = algorithms.find((known) => known === word);
  if (algorithm) return algorithm;
  throw invalid(`unknown algorithm "${word}": use ${algorithms.slice(0, -1).join(', ')} or ${algorithms.at(-1) ?? ''}`);
}

function decodePreference(word: string): Preference {
  const preference = preferences.find((known) => known === word);
  if (preference) return preference;
  throw invalid(`unknown preference "${word}": use ${preferences.join(' or ')}`);
}

/** `ipAddress` is of IPv4, or the only one; IPv4 comes first. */
function decodeServiceIps({ ipAddress, ipv6Address }: Pick<ServiceChangeObject, 'ipAddress' | 'ipv6Address'>): IpAddress[] {
  const first = ipAddress ? decodeServiceIp(ipAddress) : undefined;
  const second = ipv6Address ? decodeServiceIp(ipv6Address) : undefined;
  if (second && second.family !== 6) throw invalid(`the IPv6 service IP "${ipv6Address ?? ''}" is an IPv4 address`);
  if (first?.family === 6 && second) throw invalid(`a service has one IPv6 address, and these are two: ${first.toString()}, ${second.toString()}`);
  return [first, second].filter((address) => address !== undefined);
}

function decodeServiceIp(text: string): IpAddress {
  const address = IpAddress.tryParse(text);
  if (address) return address;
  throw invalid(`the service IP "${text}" is not an IP address`);
}
