import type { Family, IpAddress } from '../model/address.js';
import type { Algorithm, Protocol, ServicePort } from '../model/service.js';
import { ofFamily } from './addresses.js';
import { groupsOf } from './groups.js';
import type { Group } from './groups.js';
import type { NatProvider, NatService } from './input.js';
import { portKey } from './keys.js';
import { exactQuotas } from './quotas.js';
import { arrangeSlots } from './slots.js';
import { smoothSlots } from './smooth.js';
import { placeSource } from './source.js';
import type { BalancedPort, FamilyState, SlotTarget } from './state.js';
import type { Turns } from './turns.js';

/**
 * The service ports with at least one provider of the family, by key, in the order of addresses.
 * @param turns which chains other service ports use; the chains of these are added to it.
 */
export function planPorts(family: Family, services: readonly NatService[], previous: Pick<FamilyState, 'ports'>, turns: Turns): Map<string, BalancedPort> {
  const shared: Shared = { groups: new Map(), slots: new Map() };
  const arranged = wantedPorts(family, services, shared).map((port) => arrange(port, previous.ports.get(port.key), shared));
  // Those that keep their chain go first, so that the others are spread around them.
  const kept = new Map(arranged.flatMap((port) => keptChain(port, turns)));
  return new Map(arranged.map((port) => [port.key, kept.get(port.key) ?? moved(port, turns)]));
}

/** What services have in common that share the list of their providers, as at a start thousands do. */
interface Shared {
  readonly groups: Map<readonly NatProvider[], readonly Group[]>;
  /** By the addresses in them, and by port. */
  readonly slots: Map<readonly IpAddress[], Map<number, readonly SlotTarget[]>>;
}

interface WantedPort {
  readonly key: string;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
  readonly targetPort: number;
  readonly algorithm: Algorithm;
  readonly groups: readonly Group[];
}

interface ArrangedPort extends WantedPort {
  readonly slots: readonly SlotTarget[];
  readonly previous: BalancedPort | undefined;
}

/** The keys of all ports of the services, whether they have providers or not. */
export function portKeys(family: Family, services: readonly NatService[]): string[] {
  return services.flatMap(({ addresses, ports }) => ofFamily(family, addresses).flatMap((address) => ports.map(({ protocol, port }) => portKey(address, protocol, port))));
}

function wantedPorts(family: Family, services: readonly NatService[], shared: Shared): WantedPort[] {
  return services
    .flatMap((service) => ofFamily(family, service.addresses).map((address) => ({ address, service })))
    .toSorted((a, b) => a.address.compare(b.address))
    .flatMap(({ address, service }) => wantedOf(address, service, shared));
}

function wantedOf(address: IpAddress, service: NatService, shared: Shared): WantedPort[] {
  const groups = sharedGroups(address.family, service, shared);
  if (groups.every(({ members }) => members.length === 0)) return [];
  const text = address.toString();
  const algorithm = service.algorithm ?? 'roundrobin';
  return service.ports.toSorted(byProtocolAndPort).map(({ protocol, port, targetPort }) => ({ key: portKey(text, protocol, port), address, protocol, port, targetPort, algorithm, groups }));
}

function sharedGroups(family: Family, service: NatService, { groups }: Shared): readonly Group[] {
  const { weights = [], providers } = service;
  if (weights.length > 0) return groupsOf(family, service);
  const known = groups.get(providers) ?? groupsOf(family, service);
  groups.set(providers, known);
  return known;
}

function byProtocolAndPort(a: ServicePort, b: ServicePort): number {
  if (a.protocol === b.protocol) return a.port - b.port;
  return a.protocol < b.protocol ? -1 : 1;
}

function arrange(wanted: WantedPort, previous: BalancedPort | undefined, shared: Shared): ArrangedPort {
  const [only, ...others] = wanted.groups;
  if (!previous && only && others.length === 0 && wanted.algorithm !== 'source') return { ...wanted, previous, slots: firstSlots(only.members, wanted.targetPort, shared) };
  const slots = seatsOf(wanted, previous).map((address) => ({ address, port: wanted.targetPort }));
  return { ...wanted, previous, slots: previous && sameSlots(slots, previous.slots) ? previous.slots : slots };
}

/** From nothing each has a slot, in order. */
function firstSlots(members: readonly IpAddress[], port: number, { slots }: Shared): readonly SlotTarget[] {
  const byPort = slots.get(members) ?? new Map<number, readonly SlotTarget[]>();
  const known = byPort.get(port) ?? members.map((address) => ({ address, port }));
  slots.set(members, byPort.set(port, known));
  return known;
}

/** Who sits in each slot. */
function seatsOf({ algorithm, groups }: WantedPort, previous: BalancedPort | undefined): IpAddress[] {
  const seated = previous?.slots.map(({ address }) => address) ?? [];
  if (algorithm === 'source') return placeSource(previous?.chain.algorithm === 'source' ? seated : [], groups);
  const [only, ...others] = groups;
  return only && others.length === 0 ? arrangeSlots(seated, only.members) : smoothSlots(exactQuotas(groups));
}

function keptChain({ key, algorithm, slots, previous }: ArrangedPort, turns: Turns): [string, BalancedPort][] {
  if (previous?.chain.algorithm !== algorithm || previous.chain.slots !== slots.length) return [];
  turns.keep(previous.chain);
  return [[key, slots === previous.slots ? previous : { ...previous, slots }]];
}

function moved({ address, protocol, port, algorithm, slots }: ArrangedPort, turns: Turns): BalancedPort {
  return { address, protocol, port, chain: turns.assign(algorithm, slots.length), slots };
}

function sameSlots(a: readonly SlotTarget[], b: readonly SlotTarget[]): boolean {
  return a.length === b.length && a.every((slot, index) => b[index]?.port === slot.port && b[index].address.equals(slot.address));
}
