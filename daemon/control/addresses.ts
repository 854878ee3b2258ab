import { checkClaim, nextAddress, theBest } from '../../src/ipam/allocate.js';
import type { Family, IpAddress } from '../../src/model/address.js';
import type { Allocation, Owner } from '../../src/model/allocation.js';
import { invalid } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { Network } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Condition } from '../store/port.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { combine, when, write, type Fragment } from './transact.js';

/**
 * When another host took the address that this one wanted, there is a crowd: both would want the next one again. So for a while, in
 * milliseconds, this host takes any of so many next ones.
 */
const [crowdMs, crowdChoice] = [1000, 32];

/**
 * Holds and releases addresses, as fragments of the transactions of those who need them. That no
 * address is held twice rests on the transaction's conditions alone: an allocation is written only
 * where there is none, or where the one that was looked at (a resting one) still is.
 */
export class Addresses {
  private crowdedUntil = -Infinity;

  /**
   * @param restMs how long a released address rests, in milliseconds
   * @param random from 0 to 1, less than 1
   */
  constructor(
    private readonly state: State,
    private readonly now: () => number,
    private readonly restMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /**
   * Any address of the family, the lowest free one if nobody else allocates at the same time.
   * @param conflicts how often it was tried before, and another host was faster
   * @throws NetctlError `exhausted`.
   */
  allocate(network: Stored<Network>, family: Family, owner: Owner, conflicts: number): { address: IpAddress; fragment: Fragment } {
    const pool = this.state.allocations.pool(network.value, family);
    if (!pool) throw invalid(`network ${network.value.name} has no IPv${family} subnet`);
    const now = this.now();
    if (conflicts > 0) this.crowdedUntil = now + crowdMs;
    const choice = now < this.crowdedUntil ? { most: crowdChoice, random: this.random() } : theBest;
    // On another host Docker gives addresses of such a network by itself, the lowest first, and does not ask.
    const half = network.value.addressesBy === 'docker' ? ({ half: 'upper' } as const) : {};
    const address = nextAddress(network.value.name, pool, now, this.restMs, { ...choice, ...half });
    return { address, fragment: this.hold(network, address, owner) };
  }

  /** This address. @throws NetctlError with the reason if it cannot be had. */
  claim(network: Stored<Network>, address: IpAddress, owner: Owner): Fragment {
    checkClaim(network.value.name, this.state.allocations.pool(network.value, address.family), address);
    return this.hold(network, address, owner);
  }

  /** From one owner to the next, without a moment in which anybody else could have it. */
  pass(held: Stored<Allocation>, owner: Owner): Fragment {
    const { tenant, network, address } = held.value;
    const key = keys.allocation(tenant, network, address);
    return combine(when({ key, is: 'at', revision: held.revision }), this.put({ ...held.value, owner, since: this.now() }));
  }

  /** From now on the address rests. */
  release(tenant: string, network: string, address: IpAddress): Fragment {
    const held = this.state.allocationOf(tenant, network, address);
    return held ? this.pass(held, { kind: 'resting' }) : write();
  }

  /** Nobody remembers the address any more. */
  forget({ value, revision }: Stored<Allocation>): Fragment {
    const key = keys.allocation(value.tenant, value.network, value.address);
    return combine(when({ key, is: 'at', revision }), write({ key, delete: true }));
  }

  /** Resting addresses that have rested: to be forgotten, so that they do not pile up. */
  rested(): Stored<Allocation>[] {
    const cutoff = this.now() - this.restMs;
    return this.state.allocations.values().filter(({ value }) => value.owner.kind === 'resting' && value.since <= cutoff);
  }

  private hold(network: Stored<Network>, address: IpAddress, owner: Owner): Fragment {
    const { tenant, name, addressesBy } = network.value;
    if (addressesBy === 'docker' && owner.kind === 'service') {
      throw invalid(
        `network ${name} has no address for a service: Docker's own IPAM gives its addresses, and would give a service's to a container as well; use another network, or make this one with "--ipam-driver netctl"`,
      );
    }
    const resting = this.state.allocationOf(tenant, name, address);
    const key = keys.allocation(tenant, name, address);
    const free: Condition = resting ? { key, is: 'at', revision: resting.revision } : { key, is: 'absent' };
    // The network is as it was looked at: not on its way out.
    const there: Condition = { key: keys.network(tenant, name), is: 'at', revision: network.revision };
    return combine(when(there, free), this.put({ tenant, network: name, address, owner, since: this.now() }));
  }

  private put(allocation: Allocation): Fragment {
    const key = keys.allocation(allocation.tenant, allocation.network, allocation.address);
    return write({ key, put: encodeStored(allocation) });
  }
}
