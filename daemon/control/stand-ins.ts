import { Prefix, type IpAddress } from '../../src/model/address.js';

/**
 * The pool of a network without IPv4, for Docker before 28, which wants one in any case. Of this one alone Docker does not
 * compare whether it overlaps with a route of the host; while it finds an overlap it asks again, without end.
 */
export const standInPool = Prefix.parse('0.0.0.0/0');

/** As a /32: an address whose prefix another link of the container has, too, would not be taken by Docker. */
export const standInLength = 32;

/** Link-local addresses (RFC 3927): nothing leads to them. Its first and last 256 are set aside there, and uplinks are made of the last 4096. */
const base = Prefix.parse('169.254.0.0/16');
const first = 256;
const count = 0xf000 - first;

/** What endpoints of a network without IPv4 get from Docker for an IPv4 address. netctl forgets them at once. */
export class StandIns {
  constructor(private next: number) {}

  /** Another one each time, for as long as there are any: who asks Docker's DNS for a container must not be led to himself. */
  take(): IpAddress {
    const offset = first + (this.next % count);
    this.next += 1;
    return base.first.plus(BigInt(offset));
  }
}
