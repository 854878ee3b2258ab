import type { Prefix } from './address.js';

/**
 * An address pool that Docker asked for (`docker network create --ipam-driver netctl`), before it said for which network: neither
 * name nor tenant are in the request. It stays for as long as Docker holds it: addresses are asked of it by its id.
 */
export interface DockerPool {
  /** Unique on its host, also after others are gone: Docker may release a pool twice. */
  readonly id: number;
  readonly host: string;
  readonly prefix: Prefix;
  /** Docker's `--ip-range`: only these are given out. */
  readonly range?: Prefix;
  /** When it was asked for, milliseconds since the epoch. */
  readonly since: number;
  /** Docker's id of the network that took it; absent: none yet. */
  readonly dockerNetworkId?: string;
}
