import { Mac } from '../model/address.js';

/** The highest VXLAN network identifier: it has 24 bits (RFC 7348, section 5). */
const highestVni = 0xffffff;

/** The bridge of a network in its tenant's router: at most 10 of the 15 characters that Linux allows. */
export function bridgeName(vni: number): string {
  return `br${checkedVni(vni)}`;
}

/** The link by which a network goes on at other hosts, in its tenant's router. */
export function vxlanName(vni: number): string {
  return `vx${checkedVni(vni)}`;
}

/**
 * The gateway's MAC address on a network's segment: `02:01:00:` and the VNI. It is the same on every
 * host, so that a container's neighbour entry for its gateway stays true wherever the container runs.
 * Locally administered, and never an endpoint's: those begin with `02:02:`.
 */
export function bridgeMac(vni: number): Mac {
  const octets = checkedVni(vni).toString(16).padStart(6, '0').match(/../g) ?? [];
  return Mac.parse(['02', '01', '00', ...octets].join(':'));
}

/** True for all addresses that {@link bridgeMac} makes. */
export function isBridgeMac(mac: Mac): boolean {
  return mac.toString().startsWith('02:01:00:');
}

/** The router's end of an endpoint's veth pair. @param endpointId 64 hexadecimal digits. */
export function portName(endpointId: string): string {
  return `vr-${significantDigits(endpointId)}`;
}

/** The container's end of an endpoint's veth pair, as it is called until Docker moves and renames it. */
export function containerLinkName(endpointId: string): string {
  return `vc-${significantDigits(endpointId)}`;
}

/** True for the name of a link that {@link bridgeName} made. */
export function isBridgeName(name: string): boolean {
  return name.startsWith('br') && endsWithVni(name);
}

/** True for the name of a link that {@link vxlanName} made. */
export function isVxlanName(name: string): boolean {
  return name.startsWith('vx') && endsWithVni(name);
}

/** After two letters. */
function endsWithVni(name: string): boolean {
  return /^..(0|[1-9]\d{0,7})$/.test(name) && Number(name.slice(2)) <= highestVni;
}

/** True for the name of a link that {@link portName} made. */
export function isPortName(name: string): boolean {
  return /^vr-[0-9a-f]{12}$/.test(name);
}

/**
 * Twelve digits fill the 15 characters of a link's name. They are 48 random bits: among ten thousand
 * endpoints of a host the chance that two collide is about one in five million.
 */
function significantDigits(endpointId: string): string {
  if (!/^[0-9a-f]{12,}$/.test(endpointId)) throw new RangeError(`"${endpointId}" is not an endpoint id`);
  return endpointId.slice(0, 12);
}

function checkedVni(vni: number): number {
  if (!Number.isInteger(vni) || vni < 0 || vni > highestVni) throw new RangeError(`${vni} is not a VXLAN network identifier`);
  return vni;
}
