import type { IpAddress } from '../model/address.js';
import type { Endpoint } from '../model/endpoint.js';
import type { Service, ServicePort } from '../model/service.js';
import type { Flow } from '../nat/input.js';
import type { ProviderTraffic } from '../nat/traffic.js';

export interface Counts {
  /** New connections since the kernel began to count for this provider. */
  readonly connections: number;
  /** Those that are tracked now and that TCP has not closed. */
  readonly open: number;
  /** From clients, and back to them; bytes with all headers from IP on. */
  readonly received: { readonly packets: number; readonly bytes: number };
  readonly sent: { readonly packets: number; readonly bytes: number };
}

/** What one provider had of one service port. */
export interface ProviderStats extends Counts {
  /** `former`: it gets nothing new and does not drain, but has connections or was counted. */
  readonly state: 'serving' | 'draining' | 'former';
  readonly addresses: readonly IpAddress[];
  /** Absent if the addresses are no endpoint's any more. */
  readonly endpoint?: Endpoint;
}

export interface PortStats {
  readonly port: ServicePort;
  /** In the order of their addresses. */
  readonly providers: readonly ProviderStats[];
}

/** Who answers for a service: gets its new connections, or drains. */
export interface Answering {
  readonly endpoint: Endpoint;
  readonly draining: boolean;
}

/** What was read of a tenant's kernel state; of other services, too. */
export interface Reading {
  readonly traffic: readonly ProviderTraffic[];
  readonly flows: readonly Flow[];
}

export const noCounts: Counts = { connections: 0, open: 0, received: { packets: 0, bytes: 0 }, sent: { packets: 0, bytes: 0 } };

/** The parts of a reading by the text of the service IP: it is made once for many services. */
export function byServiceIp({ traffic, flows }: Reading): ReadonlyMap<string, Reading> {
  const parts = new Map<string, { traffic: ProviderTraffic[]; flows: Flow[] }>();
  const partOf = (address: IpAddress): { traffic: ProviderTraffic[]; flows: Flow[] } => {
    const part = parts.get(address.toString()) ?? { traffic: [], flows: [] };
    parts.set(address.toString(), part);
    return part;
  };
  for (const entry of traffic) partOf(entry.service).traffic.push(entry);
  for (const flow of flows) partOf(flow.service.address).flows.push(flow);
  return parts;
}

/**
 * What each port of the service and each of its providers had. Both addresses of a provider count as one provider.
 * @param endpoints The tenant's, by the text of each of their addresses.
 */
export function tallyService(service: Service, answering: readonly Answering[], endpoints: ReadonlyMap<string, Endpoint>, readings: ReadonlyMap<string, Reading>): PortStats[] {
  const own = service.addresses.flatMap((address) => readings.get(address.toString()) ?? []);
  const reading = { traffic: own.flatMap(({ traffic }) => traffic), flows: own.flatMap(({ flows }) => flows) };
  return service.ports.map((port) => ({ port, providers: tallyPort(port, answering, endpoints, reading) }));
}

function tallyPort(port: ServicePort, answering: readonly Answering[], endpoints: ReadonlyMap<string, Endpoint>, { traffic, flows }: Reading): ProviderStats[] {
  const tally = new Tally(endpoints);
  for (const { endpoint, draining } of answering) tally.expect(endpoint, draining ? 'draining' : 'serving');
  for (const entry of traffic) {
    if (entry.protocol === port.protocol && entry.port === port.port) tally.add(entry.provider, { ...entry, open: 0 });
  }
  for (const { protocol, service, provider, ended } of flows) {
    const translated = !service.address.equals(provider.address);
    if (protocol === port.protocol && service.port === port.port && translated && !ended) tally.add(provider.address, { ...noCounts, open: 1 });
  }
  return tally.providers();
}

/** Collects what the addresses of providers had, by the endpoints that have them. */
class Tally {
  private readonly found = new Map<string, ProviderStats>();

  constructor(private readonly endpoints: ReadonlyMap<string, Endpoint>) {}

  expect(endpoint: Endpoint, state: ProviderStats['state']): void {
    this.found.set(endpoint.id, { ...noCounts, state, addresses: endpoint.addresses, endpoint });
  }

  add(address: IpAddress, counts: Counts): void {
    const endpoint = this.endpoints.get(address.toString());
    const key = endpoint?.id ?? address.toString();
    const before: ProviderStats = this.found.get(key) ?? { ...noCounts, state: 'former', addresses: endpoint?.addresses ?? [address], ...(endpoint && { endpoint }) };
    this.found.set(key, { ...before, ...sum([before, counts]) });
  }

  providers(): ProviderStats[] {
    return [...this.found.values()].sort(byAddress);
  }
}

export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (total, { connections, open, received, sent }) => ({
      connections: total.connections + connections,
      open: total.open + open,
      received: { packets: total.received.packets + received.packets, bytes: total.received.bytes + received.bytes },
      sent: { packets: total.sent.packets + sent.packets, bytes: total.sent.bytes + sent.bytes },
    }),
    noCounts,
  );
}

function byAddress(a: ProviderStats, b: ProviderStats): number {
  const [first, other] = [a.addresses[0], b.addresses[0]];
  return first && other ? first.compare(other) : 0;
}
