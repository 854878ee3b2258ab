import type { IpAddress } from '../../src/model/address.js';
import { keys } from '../../src/model/keys.js';

/** Docker releases the addresses of an endpoint right after it deleted it; it tries for 15 seconds, if netctld does not answer. In milliseconds. */
const patienceMs = 20_000;

/**
 * Addresses that were released with their endpoint, and that Docker is about to release as well. It does not say whose: when the address was asked for anew
 * in between, that one would lose it, and a third would get what he has.
 */
export class AnnouncedReleases {
  /** Until when each is waited for, milliseconds since the epoch, by address. */
  private readonly awaited = new Map<string, number[]>();

  constructor(private readonly now: () => number) {}

  await(tenant: string, network: string, address: IpAddress): void {
    const key = keys.allocation(tenant, network, address);
    this.awaited.set(key, [...this.current(key), this.now() + patienceMs]);
  }

  /** Whether the release was one of those, each of which comes once. */
  take(tenant: string, network: string, address: IpAddress): boolean {
    const key = keys.allocation(tenant, network, address);
    const [first, ...others] = this.current(key);
    if (others.length > 0) this.awaited.set(key, others);
    else this.awaited.delete(key);
    return first !== undefined;
  }

  private current(key: string): number[] {
    return (this.awaited.get(key) ?? []).filter((until) => until > this.now());
  }
}
