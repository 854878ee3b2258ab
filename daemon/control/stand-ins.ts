import type { IpAddress} from '../../src/model/address.js';
import { Prefix } from '../../src/model/address.js';

/**
 * Docker before 28 gives every endpoint an IPv4 address. On a network without IPv4 it gets one of these: link-local ones (RFC 3927),
 * without the last 4096, of which the uplinks are made. Nothing leads to them, and netctl forgets them at once.
 */
export const standInPool = Prefix.parse('169.254.0.0/16');

/** As a /32: an address whose prefix another link of the container has, too, would not be taken by Docker. */
export const standInLength = 32;

/** The first and the last 256 are set aside by RFC 3927. */
const first = 256;
const count = 0xf000 - first;

export class StandIns {
  constructor(private next: number) {}

  /** Another one each time, for as long as there are any: who asks Docker's DNS for a container must not be led to himself. */
  take(): IpAddress {
    const offset = first + (this.next % count);
    this.next += 1;
    return standInPool.first.plus(BigInt(offset));
  }
}
