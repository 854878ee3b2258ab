import { IpAddress } from '../model/address.js';
import { protocols } from '../model/service.js';
import type { Protocol } from '../model/service.js';
import type { NatElement } from './elements.js';
import { directions, trafficKey } from './keys.js';

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
  const counts = new Map([...traffic].map((element): [string, Count] => [element.key, element]));
  return [...legs].flatMap((leg) => trafficOfLeg(leg, counts));
}

function trafficOfLeg(leg: CountedElement, counts: ReadonlyMap<string, Count>): ProviderTraffic[] {
  const [address, protocolText, port, provider] = leg.key.split(' . ');
  const protocol = protocols.find((known) => known === protocolText);
  const [from, to] = [address, provider].map((text) => IpAddress.tryParse(text ?? ''));
  if (!protocol || !from || !to) return [];
  const [further = nothing, sent = nothing] = directions.map((direction) => counts.get(trafficKey(Number(leg.data), direction)));
  const received = { packets: leg.packets + further.packets, bytes: leg.bytes + further.bytes };
  return [{ service: from, protocol, port: Number(port), provider: to, connections: leg.packets, received, sent: { packets: sent.packets, bytes: sent.bytes } }];
}
