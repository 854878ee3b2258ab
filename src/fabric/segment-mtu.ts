import type { Family } from '../model/address.js';
import type { Host } from '../model/host.js';

/** What VXLAN puts around a packet: an Ethernet header (14), its own (8), UDP's (8) and IP's (20 or 40); in bytes. */
const overhead: Readonly<Record<Family, number>> = { 4: 50, 6: 70 };

/** The largest packet that every one of the hosts can send to every other within a VXLAN packet, in bytes. */
export function segmentMtu(hosts: readonly Pick<Host, 'underlay' | 'underlayMtu'>[]): number {
  return Math.min(...hosts.map(({ underlay, underlayMtu }) => underlayMtu - overhead[underlay.family]));
}
