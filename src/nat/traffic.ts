import type { IpAddress } from '../model/address.js';
import type { Protocol } from '../model/service.js';
import type { NatElement } from './elements.js';
import { directions } from './keys.js';
import { directionOf, markOf, numberAt, PartReader } from './reading.js';

/** What one provider has had of a service port's traffic. */
export interface ProviderTraffic {
  readonly service: IpAddress;
  readonly protocol: Protocol;
  /** The service's port, not the provider's. */
  readonly port: number;
  readonly provider: IpAddress;
  /** New connections, since the provider has been one, or the tables were made. */
  readonly connections: number;
  /** From clients to the provider, and back; packets and bytes with all headers from IP on. What the kernel handles as one large packet is one. */
  readonly received: Count;
  readonly sent: Count;
}

export interface Count {
  readonly packets: number;
  readonly bytes: number;
}

/** An element, and for how much it was found. Those of sets that do not count have counted nothing. */
export interface CountedElement extends NatElement, Count {}

const nothing: Count = { packets: 0, bytes: 0 };

/**
 * What the legs have carried, from the elements of the map `legs` and the set `traffic` of one table. The first packet of
 * each connection is counted in `legs`, and there gives the connection its mark; all others in `traffic`.
 */
export function trafficOf(legs: Iterable<CountedElement>, traffic: Iterable<CountedElement>): ProviderTraffic[] {
  const parts = new PartReader();
  const counts = directions.map(() => new Map<number, Count>());
  for (const element of traffic) counts[directionOf(element.key)]?.set(markOf(element.key), element);
  const found: ProviderTraffic[] = [];
  for (const { key, data = '', packets, bytes } of legs) {
    const leg = parts.leg(key);
    const [further = nothing, sent = nothing] = counts.map((each) => each.get(numberAt(data)));
    if (!leg) continue;
    const received = { packets: packets + further.packets, bytes: bytes + further.bytes };
    found.push({ service: leg.address, protocol: leg.protocol, port: leg.port, provider: leg.provider, connections: packets, received, sent: { packets: sent.packets, bytes: sent.bytes } });
  }
  return found;
}
