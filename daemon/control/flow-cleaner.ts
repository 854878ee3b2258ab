import { staleFlows, udpLegs, type Living } from '../../src/nat/flows.js';
import type { Conntrack } from '../kernel/port.js';

/** Who was there when the connections were last looked through. */
interface Seen {
  /** What a connection may rest on: for TCP an address that lives, for UDP a provider of a service port. */
  readonly legs: ReadonlySet<string>;
  readonly serviceIps: ReadonlySet<string>;
}

/**
 * Ends a router's connections to providers that are no more, and those to a service IP from before it
 * was one. It compares what is tracked with who is there: at first, whenever somebody who lived does
 * so no longer or a service is new, and again after any failure; so nothing rests on having seen an event.
 */
export class FlowCleaner {
  private seen: Seen | undefined;

  constructor(
    private readonly tenant: string,
    private readonly conntrack: Conntrack,
  ) {}

  /**
   * To be called after the rules were applied: what is new then no longer goes to those who are gone.
   * @returns how many connections were ended.
   */
  async clean(living: Living): Promise<number> {
    const before = this.seen;
    const now = seenIn(living);
    const unchanged = before !== undefined && isSubset(before.legs, now.legs) && isSubset(now.serviceIps, before.serviceIps);
    const removed = unchanged ? 0 : await this.sweep(living);
    this.seen = now;
    return removed;
  }

  /** The next call looks through all connections. */
  forget(): void {
    this.seen = undefined;
  }

  private async sweep(living: Living): Promise<number> {
    this.forget();
    return this.conntrack.remove(this.tenant, staleFlows(await this.conntrack.list(this.tenant), living));
  }
}

function seenIn(living: Living): Seen {
  return {
    legs: new Set([...living.addresses.map((address) => address.toString()), ...udpLegs(living)]),
    serviceIps: new Set(living.services.flatMap(({ addresses }) => addresses.map((address) => address.toString()))),
  };
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((item) => whole.has(item));
}
