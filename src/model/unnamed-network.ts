import type { IpAddress } from './address.js';
import type { Network } from './network.js';

/**
 * A network that Docker made by itself (`docker network create -d netctl`). All is known of it but its name,
 * which Docker tells only when it has made it; a moment later it is a network like any other.
 */
export interface UnnamedNetwork extends Pick<Network, 'tenant' | 'ipv4' | 'ipv6' | 'internal' | 'addressesBy'> {
  readonly host: string;
  readonly dockerNetworkId: string;
  /** Docker's `--aux-address`es: never given out. */
  readonly reserved: readonly IpAddress[];
  /** When Docker made it, milliseconds since the epoch. */
  readonly since: number;
}
