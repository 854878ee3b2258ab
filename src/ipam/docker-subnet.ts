import type { IpAddress, Prefix } from '../model/address.js';
import { invalid } from '../model/errors.js';
import type { Subnet } from '../model/network.js';
import { whyUnusable } from './givable.js';
import { checkSubnet } from './subnet.js';

/**
 * The subnet of a network that Docker makes by itself.
 * @param range Docker's `--ip-range`
 * @throws NetctlError `invalid` with the rule that it breaks.
 */
export function dockerSubnet({ prefix, range, gateway }: { prefix: Prefix; range?: Prefix; gateway?: IpAddress }): Subnet {
  if (range && !(prefix.contains(range.first) && prefix.contains(range.last))) {
    throw invalid(`the range ${range.toString()} is not in subnet ${prefix.toString()}`);
  }
  const addresses = range && !range.equals(prefix) ? `${range.first.toString()}-${range.last.toString()}` : prefix.first.toString();
  return checkSubnet(prefix.family, `${addresses}/${prefix.length}`, gateway?.toString());
}

/** The gateway of a network for which nobody named one: the first address that a host can have, as Docker's own networks have it. */
export function usualGateway(prefix: Prefix): IpAddress {
  return whyUnusable(prefix, prefix.first) ? prefix.first.plus(1n) : prefix.first;
}
