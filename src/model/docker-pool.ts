import type { IpAddress, Prefix } from './address.js';

/**
 * An address pool that Docker asked for by its subnet (`docker network create --subnet`), before it said
 * for which network: neither name nor tenant are in the request. It becomes a network's when Docker has made its own.
 */
export interface DockerPool {
  /** A number of its host's. */
  readonly id: number;
  readonly host: string;
  readonly prefix: Prefix;
  /** Docker's `--ip-range`: only these are given out. */
  readonly range?: Prefix;
  /** What Docker was told that the gateway is. */
  readonly gateway?: IpAddress;
  /** Docker's `--aux-address`es: never given out. */
  readonly reserved: readonly IpAddress[];
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The Docker network that took it, and its tenant; absent: none yet. */
  readonly takenBy?: { readonly dockerNetworkId: string; readonly tenant: string };
  /** The network of netctl that it is the pool of by now; absent: none yet. */
  readonly network?: string;
}
