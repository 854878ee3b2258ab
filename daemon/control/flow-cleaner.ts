import { exchanged } from '../../src/lists/places.js';
import { IpAddress } from '../../src/model/address.js';
import { isTranslated, staleFlows, udpLegs, type FlowsAbout, type Living } from '../../src/nat/flows.js';
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
 * Who never was a provider is no reason: Docker waits while a container leaves. And only the connections of who left are looked at, as there may be hundreds of thousands.
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
    const removed = await this.sweep(living, led, before && whatLeft(before, alive, { gone, come }));
    this.seen = { alive, services: living.services, led };
    return removed;
  }

  /** The next call looks through all connections. */
  forget(): void {
    this.seen = undefined;
  }

  /**
   * @param led gets where connections lead: of a service that was deleted before netctld started nothing else tells
   * @param about the connections that are looked at; undefined: all.
   */
  private async sweep(living: Living, led: Set<string>, about: FlowsAbout | undefined): Promise<number> {
    if (about && about.providers.length + about.services.length === 0) return 0;
    const flows = await this.conntrack.list(this.tenant, about);
    for (const { provider } of flows.filter(isTranslated)) led.add(provider.address.toString());
    return this.conntrack.remove(this.tenant, staleFlows(flows, living));
  }
}

/**
 * The connections that may rest on nobody any more: to who lived and may have been a provider, UDP to who provided a service port, and to what is a service IP since.
 * Services that are the same objects are not looked at.
 */
function whatLeft({ alive: before, led }: Seen, alive: ReadonlySet<string>, { gone, come }: { readonly gone: readonly NatService[]; readonly come: readonly NatService[] }): FlowsAbout {
  const [legsBefore, legs] = [udpLegs(gone), udpLegs(come)];
  const providers = new Map([...before].filter((text) => led.has(text) && !alive.has(text)).map((text) => [text, IpAddress.parse(text)]));
  for (const [leg, provider] of legsBefore) if (!legs.has(leg)) providers.set(provider.toString(), provider);
  const known = new Set(textsOf(gone.flatMap(({ addresses }) => addresses)));
  const services = new Map(come.flatMap(({ addresses }) => addresses).filter((address) => !known.has(address.toString())).map((address) => [address.toString(), address]));
  return { providers: [...providers.values()], services: [...services.values()] };
}

function providersOf(services: readonly NatService[]): string[] {
  return textsOf(services.flatMap(({ providers }) => providers.flatMap(({ addresses }) => addresses)));
}

function textsOf(addresses: readonly IpAddress[]): string[] {
  return addresses.map((address) => address.toString());
}
