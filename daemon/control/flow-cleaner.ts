import { exchanged } from '../../src/lists/places.js';
import type { IpAddress } from '../../src/model/address.js';
import { staleFlows, udpLegs, type Living } from '../../src/nat/flows.js';
import type { NatService } from '../../src/nat/input.js';
import type { Conntrack } from '../kernel/port.js';

/** Who was there when the connections were last looked through. */
interface Seen {
  /** The addresses that lived. */
  readonly alive: ReadonlySet<string>;
  readonly services: readonly NatService[];
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
    const alive = new Set(textsOf(living.addresses));
    const removed = before && isSubset(before.alive, alive) && leavesNothing(before.services, living.services) ? 0 : await this.sweep(living);
    this.seen = { alive, services: living.services };
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

/** Whether every connection that rested on a service, UDP on who provides it, still rests on one, and no service IP is new. Services that are the same objects are not looked at. */
function leavesNothing(before: readonly NatService[], now: readonly NatService[]): boolean {
  const { gone, come } = exchanged(before, now);
  const addressesOf = (services: readonly NatService[]): Set<string> => new Set(textsOf(services.flatMap(({ addresses }) => addresses)));
  return isSubset(udpLegs(gone), udpLegs(come)) && isSubset(addressesOf(come), addressesOf(gone));
}

function textsOf(addresses: readonly IpAddress[]): string[] {
  return addresses.map((address) => address.toString());
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((item) => whole.has(item));
}
