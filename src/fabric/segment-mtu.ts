import type { Family } from '../model/address.js';
import type { Host } from '../model/host.js';

/** What VXLAN puts around a packet: an Ethernet header (14), its own (8), UDP's (8) and IP's (20 or 40); in bytes. */
const overhead: Readonly<Record<Family, number>> = { 4: 50, 6: 70 };

/** The largest packet that every one of the hosts can send to every other within a VXLAN packet, in bytes. */
export function segmentMtu(hosts: readonly Pick<Host, 'underlay' | 'underlayMtu'>[]): number {
  return Math.min(...hosts.map(({ underlay, underlayMtu }) => underlayMtu - overhead[underlay.family]));
}

/** What WireGuard puts around a packet: its own header and the authentication (32), UDP's (8) and IP's (20 or 40); in bytes. */
const tunnelOverhead: Readonly<Record<Family, number>> = { 4: 60, 6: 80 };

/** The largest packet that every one of the hosts can send to every other by a tunnel, in bytes. */
export function tunnelMtu(hosts: readonly Pick<Host, 'underlay' | 'underlayMtu'>[]): number {
  return Math.min(...hosts.map(({ underlay, underlayMtu }) => underlayMtu - tunnelOverhead[underlay.family]));
}

/** {@link segmentMtu} of encrypted networks: within the tunnels VXLAN has IPv6. */
export function encryptedSegmentMtu(hosts: readonly Pick<Host, 'underlay' | 'underlayMtu'>[]): number {
  return tunnelMtu(hosts) - overhead[6];
}
