import { exchanged } from '../../src/lists/places.js';
import type { IpAddress } from '../../src/model/address.js';
import { isTranslated, staleFlows, udpLegs, type Living } from '../../src/nat/flows.js';
import type { NatService } from '../../src/nat/input.js';
import type { Conntrack } from '../kernel/port.js';

/** Who was there when the connections were last looked through. */
interface Seen {
  /** The addresses that lived. */
  readonly alive: ReadonlySet<string>;
  readonly services: readonly NatService[];
  /** The addresses to which a connection through a service may lead: of providers, now or before, and where such connections were found. None is taken out: they are not more than the networks have. */
  readonly led: Set<string>;
}

/**
 * Ends a router's connections to providers that are no more, and those to a service IP from before it
 * was one. It compares what is tracked with who is there: at first, whenever somebody to whom a connection may lead
 * lives no longer or a service is new, and again after any failure; so nothing rests on having seen an event.
 * Who never was a provider is no reason: Docker, which waits while a container leaves, would wait for two programs.
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
    this.forget();
    const alive = new Set(textsOf(living.addresses));
    const { gone, come } = exchanged(before?.services ?? [], living.services);
    const led = before?.led ?? new Set();
    for (const address of providersOf(come)) led.add(address);
    const isQuiet = before && ![...before.alive].some((address) => led.has(address) && !alive.has(address)) && leavesNothing(gone, come);
    const removed = isQuiet ? 0 : await this.sweep(living, led);
    this.seen = { alive, services: living.services, led };
    return removed;
  }

  /** The next call looks through all connections. */
  forget(): void {
    this.seen = undefined;
  }

  /** @param led gets where connections lead: of a service that was deleted before netctld started nothing else tells */
  private async sweep(living: Living, led: Set<string>): Promise<number> {
    const flows = await this.conntrack.list(this.tenant);
    for (const { provider } of flows.filter(isTranslated)) led.add(provider.address.toString());
    return this.conntrack.remove(this.tenant, staleFlows(flows, living));
  }
}

/** Whether every connection that rested on a service, UDP on who provides it, still rests on one, and no service IP is new. Services that are the same objects are not looked at. */
function leavesNothing(gone: readonly NatService[], come: readonly NatService[]): boolean {
  const addressesOf = (services: readonly NatService[]): Set<string> => new Set(textsOf(services.flatMap(({ addresses }) => addresses)));
  return isSubset(udpLegs(gone), udpLegs(come)) && isSubset(addressesOf(come), addressesOf(gone));
}

function providersOf(services: readonly NatService[]): string[] {
  return textsOf(services.flatMap(({ providers }) => providers.flatMap(({ addresses }) => addresses)));
}

function textsOf(addresses: readonly IpAddress[]): string[] {
  return addresses.map((address) => address.toString());
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((item) => whole.has(item));
}
