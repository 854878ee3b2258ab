import { IpAddress } from '../model/address.js';
import { protocols } from '../model/service.js';
import type { Protocol } from '../model/service.js';
import { counted, field, partsOf } from './json.js';
import { directions, trafficKey } from './keys.js';
import { parseListing } from './listing.js';

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

const nothing: Count = { packets: 0, bytes: 0 };

/**
 * What the legs have carried, from the outputs of `nft -j list` for the map `legs` and the set `traffic` of one
 * table. The first packet of each connection is counted in `legs`, and there gives the connection its mark; all others in `traffic`.
 * @throws SyntaxError if a text is not JSON.
 */
export function parseTraffic(legs: string, traffic: string): ProviderTraffic[] {
  const counts = new Map(elementsOf(traffic).flatMap((item) => countOf(item)));
  return elementsOf(legs).flatMap((item) => trafficOf(item, counts));
}

function elementsOf(json: string): readonly unknown[] {
  const { maps = [], sets = [] } = parseListing(json) ?? {};
  return [...maps, ...sets].flatMap(({ elem = [] }) => elem);
}

function countOf(item: unknown): [string, Count][] {
  const element = counted(item);
  return element ? [[partsOf(element.key).join(' . '), element]] : [];
}

function trafficOf(item: unknown, counts: ReadonlyMap<string, Count>): ProviderTraffic[] {
  const [keyed, mark] = Array.isArray(item) ? (item as unknown[]) : [];
  const first = counted(keyed);
  const [address, protocolText, port, provider] = partsOf(field(first, 'key')).map(String);
  const protocol = protocols.find((known) => known === protocolText);
  const [from, to] = [address, provider].map((text) => IpAddress.tryParse(text ?? ''));
  if (!first || !protocol || !from || !to) return [];
  const [further = nothing, sent = nothing] = directions.map((direction) => counts.get(trafficKey(Number(mark), direction)));
  const received = { packets: first.packets + further.packets, bytes: first.bytes + further.bytes };
  return [{ service: from, protocol, port: Number(port), provider: to, connections: first.packets, received, sent: { packets: sent.packets, bytes: sent.bytes } }];
}
