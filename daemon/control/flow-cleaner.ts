import { staleFlows, type Living } from '../../src/nat/flows.js';
import type { Conntrack } from '../kernel/port.js';
import type { Logger } from './logger.js';

/**
 * Ends connections to providers that are no more. It compares what is tracked with who lives: at
 * start, whenever somebody who lived does so no longer, and again after any failure; so nothing
 * rests on having seen an event.
 */
export class FlowCleaner {
  /** Who lived when a tenant's connections were last looked through. */
  private readonly seen = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly conntrack: Conntrack,
    private readonly log: Logger,
  ) {}

  /** After the rules were applied: what is new then no longer goes to those who are gone. */
  async clean(tenant: string, living: Living): Promise<void> {
    const legs = legsOf(living);
    const before = this.seen.get(tenant);
    if (before && [...before].every((leg) => legs.has(leg))) {
      this.seen.set(tenant, legs);
      return;
    }
    this.seen.delete(tenant);
    const stale = staleFlows(await this.conntrack.list(tenant), living);
    const removed = await this.conntrack.remove(tenant, stale);
    this.seen.set(tenant, legs);
    if (removed > 0) this.log.info({ event: 'connections-ended', tenant, count: removed }, 'ended connections to providers that are gone');
  }

  /** The router is gone, and its connections with it. */
  forget(tenant: string): void {
    this.seen.delete(tenant);
  }
}

/** What a connection may rest on: an address that lives, and for UDP a provider of a service port. */
function legsOf({ addresses, services }: Living): Set<string> {
  const legs = services.flatMap((service) =>
    service.ports.flatMap(({ protocol, port, targetPort }) =>
      service.addresses.flatMap((address) =>
        service.providers.map((provider) => `${protocol} ${address.toString()} ${port} ${provider.addresses.join(' ')} ${targetPort}`),
      ),
    ),
  );
  return new Set([...addresses.map((address) => address.toString()), ...legs]);
}
