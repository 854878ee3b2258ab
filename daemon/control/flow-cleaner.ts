import { staleFlows, udpLegs, type Living } from '../../src/nat/flows.js';
import type { Conntrack } from '../kernel/port.js';

/**
 * Ends a router's connections to providers that are no more. It compares what is tracked with who
 * lives: at first, whenever somebody who lived does so no longer, and again after any failure; so
 * nothing rests on having seen an event.
 */
export class FlowCleaner {
  /** Who lived when the connections were last looked through. */
  private seen: ReadonlySet<string> | undefined;

  constructor(
    private readonly tenant: string,
    private readonly conntrack: Conntrack,
  ) {}

  /**
   * To be called after the rules were applied: what is new then no longer goes to those who are gone.
   * @returns how many connections were ended.
   */
  async clean(living: Living): Promise<number> {
    const legs = legsOf(living);
    const nobodyLeft = this.seen !== undefined && [...this.seen].every((leg) => legs.has(leg));
    const removed = nobodyLeft ? 0 : await this.sweep(living);
    this.seen = legs;
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

/** What a connection may rest on: for TCP an address that lives, for UDP a provider of a service port. */
function legsOf(living: Living): Set<string> {
  return new Set([...living.addresses.map((address) => address.toString()), ...udpLegs(living)]);
}
