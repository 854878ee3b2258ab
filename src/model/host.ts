import type { IpAddress } from './address.js';

/**
 * A machine with a Docker and a netctld, of several that share a store. It stays known when it is away: its endpoints keep
 * their addresses until somebody removes it.
 */
export interface Host {
  readonly name: string;
  /** Made up when netctld first starts on the machine, and kept with its state: two machines of one name are told apart by it. */
  readonly id: string;
  /** Where the other hosts reach it: the source of its VXLAN packets. */
  readonly underlay: IpAddress;
  /** Of the link that has that address, in bytes. */
  readonly underlayMtu: number;
  /** Where its WireGuard is reached: the first one is sent to, packets are taken by all. Absent: it has none, since no network needs it or because it cannot. */
  readonly tunnels?: readonly HostTunnel[];
  /** The version of its netctld. */
  readonly version: string;
  /** When it was first seen, milliseconds since the epoch. */
  readonly since: number;
}

/** A host's end of the tunnels to all others: one of its keys, whose private part never leaves the host. */
export interface HostTunnel {
  /** In base64, as WireGuard's programs have it. */
  readonly publicKey: string;
  /** Within the tunnels, made of the key. */
  readonly address: IpAddress;
  /** UDP, at the host's address on the underlay. */
  readonly port: number;
  /** When it was made, milliseconds since the epoch. */
  readonly since: number;
}

/** Says that a host is there. It is in the store as long as the host's netctld renews it, and for the length of the lease after that. */
export interface Presence {
  readonly host: string;
  /** The host's, see {@link Host}. */
  readonly id: string;
  /** When this began, milliseconds since the epoch. */
  readonly since: number;
}
