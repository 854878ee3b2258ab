import { routerUplinkName } from '../fabric/uplink.js';
import type { Family, IpAddress } from '../model/address.js';
import type { Protocol } from '../model/service.js';
import { keepChains } from './chains.js';
import { planHairpins } from './hairpin.js';
import type { NatInput, NatNetwork, NatService } from './input.js';
import { passageKey, portKey } from './keys.js';
import { arrangeSlots } from './slots.js';
import { emptyNat } from './state.js';
import type { BalancedPort, FamilyState, NatState, Passage, SlotTarget } from './state.js';
import { Turns } from './turns.js';

/**
 * What a router's tables must hold. Providers keep the slots, and service ports the chains, that they
 * have in `previous`; from nothing, both are dealt in the order of addresses. What has not changed is
 * the same object as in `previous`. The order of the input's lists does not matter, except that of
 * two services with one (service IP, protocol, port), which must not be, one is ignored.
 */
export function planNat(input: NatInput, previous: NatState = emptyNat): NatState {
  return { ip: planFamily(4, input, previous.ip), ip6: planFamily(6, input, previous.ip6) };
}

function planFamily(family: Family, input: NatInput, previous: FamilyState): FamilyState {
  const wanted = wantedPorts(family, input.services);
  const turns = new Turns();
  const ports = seat(wanted, previous, turns);
  const serviceIps = ascending(input.services.flatMap(({ addresses }) => ofFamily(family, addresses)));
  const providers = ascending([...ports.values()].flatMap(({ slots }) => slots.map(({ address }) => address)));
  return {
    chains: keepChains(previous, new Map(turns.chains())),
    ports,
    serviceIps: new Map(serviceIps.map((address) => [address.toString(), address])),
    hairpins: planHairpins(family, input.networks, serviceIps, providers),
    bridges: new Set(input.networks.map(({ bridge }) => bridge).toSorted()),
    routed: new Map(input.networks.flatMap(passagesOf).map((passage) => [passageKey(passage), passage])),
  };
}

function passagesOf({ bridge, outward, fromHost }: NatNetwork): Passage[] {
  return [...(outward ? [{ from: bridge, to: routerUplinkName }] : []), ...(fromHost ? [{ from: routerUplinkName, to: bridge }] : [])];
}

/** A service port with at least one provider of the family. */
interface WantedPort {
  readonly key: string;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
  readonly targetPort: number;
  readonly providers: readonly IpAddress[];
}

function wantedPorts(family: Family, services: readonly NatService[]): WantedPort[] {
  return services
    .flatMap((service) => ofFamily(family, service.addresses).map((address) => ({ address, service })))
    .toSorted((a, b) => a.address.compare(b.address))
    .flatMap(({ address, service }) => wantedOf(address, service));
}

function wantedOf(address: IpAddress, service: NatService): WantedPort[] {
  const providers = ascending(service.providers.flatMap((provider) => ascending(ofFamily(address.family, provider.addresses)).slice(0, 1)));
  if (providers.length === 0) return [];
  const text = address.toString();
  return service.ports
    .toSorted((a, b) => (a.protocol === b.protocol ? a.port - b.port : a.protocol < b.protocol ? -1 : 1))
    .map(({ protocol, port, targetPort }) => ({ key: portKey(text, protocol, port), address, protocol, port, targetPort, providers }));
}

/** Those that keep their chain go first, so that the others are spread around them. */
function seat(wanted: readonly WantedPort[], previous: FamilyState, turns: Turns): Map<string, BalancedPort> {
  const kept = new Map(wanted.flatMap((port): [string, BalancedPort][] => keptChain(port, previous.ports.get(port.key), turns)));
  return new Map(wanted.map((port) => [port.key, kept.get(port.key) ?? moved(port, previous.ports.get(port.key), turns)]));
}

function keptChain(wanted: WantedPort, previous: BalancedPort | undefined, turns: Turns): [string, BalancedPort][] {
  if (previous?.chain.slots !== wanted.providers.length) return [];
  turns.keep(previous.chain);
  const slots = slotsOf(wanted, previous);
  return [[wanted.key, sameSlots(slots, previous.slots) ? previous : { ...previous, slots }]];
}

function moved(wanted: WantedPort, previous: BalancedPort | undefined, turns: Turns): BalancedPort {
  const { address, protocol, port } = wanted;
  return { address, protocol, port, chain: turns.assign(wanted.providers.length), slots: slotsOf(wanted, previous) };
}

function slotsOf({ providers, targetPort }: WantedPort, previous: BalancedPort | undefined): SlotTarget[] {
  const seats = arrangeSlots(previous?.slots.map(({ address }) => address) ?? [], providers);
  return seats.map((address) => ({ address, port: targetPort }));
}

function sameSlots(a: readonly SlotTarget[], b: readonly SlotTarget[]): boolean {
  return a.length === b.length && a.every((slot, index) => b[index]?.port === slot.port && b[index].address.equals(slot.address));
}

function ofFamily(family: Family, addresses: readonly IpAddress[]): IpAddress[] {
  return addresses.filter((address) => address.family === family);
}

/** In ascending order, each once. All of one family. */
function ascending(addresses: readonly IpAddress[]): IpAddress[] {
  const distinct = new Map(addresses.map((address) => [address.value, address]));
  return [...distinct.values()].toSorted((a, b) => a.compare(b));
}
