import type { IpAddress } from '../model/address.js';
import type { Owner } from '../model/allocation.js';
import { conflict, invalid, NetctlError } from '../model/errors.js';
import { whyUnusable } from './givable.js';
import type { AddressPool } from './pool.js';
import { formatSubnet } from './subnet.js';

/** One of the `most` addresses to give out next, by a number from 0 to 1, less than 1. */
export interface Choice {
  readonly most: number;
  readonly random: number;
  /** Where somebody else gives out the lower ones. */
  readonly half?: 'upper';
}

/** Of those who allocate at the same time without hearing of each other in time, all would get the same. */
export const theBest: Choice = { most: 1, random: 0 };

/**
 * The address to give out next, as {@link AddressPool.next} orders them; `network` is the name for the message.
 * @throws NetctlError `exhausted`.
 */
export function nextAddress(network: string, pool: AddressPool, now: number, restMs: number, { most, random, half }: Choice): IpAddress {
  const addresses = pool.next(now, restMs, most, half);
  const address = addresses[Math.floor(random * addresses.length)];
  if (address) return address;
  throw new NetctlError(
    'exhausted',
    `network ${network} has no free address: all ${pool.capacity} of subnet ${formatSubnet(pool.subnet)} are held; remove a container or a service, or use another network`,
  );
}

/**
 * Returns if the address can be claimed: it is one that the pool gives out, and free or resting.
 * `network` is the name for the message; `pool` is the network's for the address's family, undefined if it has none.
 * @throws NetctlError `invalid` if the network never gives this address out, `conflict` if it is held.
 */
export function checkClaim(network: string, pool: AddressPool | undefined, address: IpAddress): void {
  if (!pool) throw invalid(`address ${address.toString()} cannot be claimed: network ${network} has no IPv${address.family} subnet`);
  checkPlace(network, pool, address);
  const owner = pool.holder(address)?.owner;
  if (!owner || owner.kind === 'resting') return;
  throw conflict(`address ${address.toString()} of network ${network} is held by ${nameOf(owner)}: choose another one`);
}

function checkPlace(network: string, { subnet }: AddressPool, address: IpAddress): void {
  const { prefix, range, gateway } = subnet;
  if (!prefix.contains(address)) {
    throw invalid(`address ${address.toString()} is not in subnet ${prefix.toString()} of network ${network}`);
  }
  const why = whyUnusable(prefix, address);
  if (why) throw invalid(`address ${address.toString()} is the ${why} of subnet ${prefix.toString()} of network ${network}`);
  if (gateway?.equals(address)) throw conflict(`address ${address.toString()} is the gateway of network ${network}: choose another one`);
  if (range && (address.value < range.first.value || address.value > range.last.value)) {
    throw invalid(`address ${address.toString()} is outside the range ${range.first.toString()}-${range.last.toString()} of network ${network}`);
  }
}

function nameOf(owner: Exclude<Owner, { kind: 'resting' }>): string {
  switch (owner.kind) {
    case 'gateway':
      return 'the gateway';
    case 'service':
      return `service ${owner.name}`;
    case 'endpoint':
      // Docker, too, shows the first twelve digits of an id.
      return `container endpoint ${owner.id.slice(0, 12)}`;
    case 'request':
      return 'a container that is being started';
    case 'reserved':
      return 'nobody: it was set aside with "--aux-address"';
  }
}
