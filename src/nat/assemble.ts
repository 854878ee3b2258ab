import type { NatElement, SetName } from './elements.js';
import { setNames } from './elements.js';
import { chainNumber, directions, parseChainName, passageKey } from './keys.js';
import { directionOf, markOf, numberAt, PartReader, slotAt } from './reading.js';
import type { BalanceChain, BalancedPort, FamilyState, Hairpin, Leg, Passage, SlotTarget } from './state.js';

const bothDirections = (1 << directions.length) - 1;
/** More than any algorithm has. */
const mostSlots = 1_000_000;

/** Thrown where elements do not belong together as the planner would have them; never leaves this module. */
class Misfit extends Error {}

/**
 * The state that these chains and elements are of: the opposite of `elementsOf`. Undefined if no plan
 * can have led to them, as when somebody deleted one slot of a service.
 */
export function assembleFamily(chainNames: readonly string[], elements: readonly NatElement[]): FamilyState | undefined {
  try {
    return assemble(chainNames, elements);
  } catch (error) {
    if (error instanceof Misfit) return undefined;
    throw error;
  }
}

function assemble(chainNames: readonly string[], elements: readonly NatElement[]): FamilyState {
  const sets = Object.fromEntries(setNames.map((set) => [set, [] as NatElement[]])) as Record<SetName, NatElement[]>;
  for (const element of elements) sets[element.set].push(element);
  const chains = new Map(chainNames.map((name) => [name, parseChainName(name) ?? misfit()]));
  const balancers = assembleBalancers(chains, sets.balancers);
  const parts = new PartReader();
  return {
    chains,
    balancers,
    ports: assemblePorts(balancers, sets.services, assembleSlots(sets.slots, parts), parts),
    serviceIps: new Map(sets.service_ips.map(({ key }) => [key, parts.address(key) ?? misfit()])),
    legs: assembleLegs(sets.legs, sets.traffic, parts),
    hairpins: new Map(sets.hairpin.map((element) => [element.key, parseHairpin(element, parts)])),
    bridges: new Set(sets.segments.map(({ key }) => parseSegment(key))),
    routed: new Map(sets.routed.map(({ key }) => [key, parsePassage(key)])),
  };
}

/** A number leads to the chain that has it, and to no other. */
function assembleBalancers(chains: ReadonlyMap<string, BalanceChain>, balancers: readonly NatElement[]): Map<string, BalanceChain> {
  return new Map(
    balancers.map(({ key, data = '' }): [string, BalanceChain] => {
      const [word, name = ''] = data.split(' ');
      const chain = (word === 'goto' && chains.get(name)) || misfit();
      return String(chainNumber(chain)) === key ? [name, chain] : misfit();
    }),
  );
}

type Slots = ReadonlyMap<string, (SlotTarget | undefined)[]>;

/** By the key of the service port; those that are missing are holes. */
function assembleSlots(slots: readonly NatElement[], parts: PartReader): Slots {
  const assembled = new Map<string, (SlotTarget | undefined)[]>();
  for (const { key, data = '' } of slots) {
    const { end, slot } = slotAt(key);
    const target = parts.target(data);
    if (!target || !(slot <= mostSlots)) return misfit();
    const port = key.slice(0, end);
    const targets = assembled.get(port) ?? [];
    if (targets.length === 0) assembled.set(port, targets);
    targets[slot] = target;
  }
  return assembled;
}

function assemblePorts(balancers: ReadonlyMap<string, BalanceChain>, services: readonly NatElement[], slots: Slots, parts: PartReader): Map<string, BalancedPort> {
  const chains = new Map([...balancers.values()].map((chain) => [chainNumber(chain), chain]));
  const ports = new Map(services.map(({ key, data = '' }) => [key, assemblePort(chains, key, data, slots, parts)]));
  return ports.size === slots.size ? ports : misfit();
}

function assemblePort(chains: ReadonlyMap<number, BalanceChain>, key: string, data: string, slots: Slots, parts: PartReader): BalancedPort {
  const { address, protocol, port } = parts.port(key) ?? misfit();
  const chain = chains.get(numberAt(data)) ?? misfit();
  const targets = slots.get(key) ?? misfit();
  const isFull = targets.length === chain.slots && !targets.includes(undefined);
  return isFull ? { address, protocol, port, chain, slots: targets as SlotTarget[] } : misfit();
}

/** Each has two elements of `traffic`, and there are no others. */
function assembleLegs(legs: readonly NatElement[], traffic: readonly NatElement[], parts: PartReader): Map<string, Leg> {
  const assembled = new Map<string, Leg>();
  const counted = directionsByMark(traffic);
  for (const { key, data = '' } of legs) {
    const [leg, mark] = [parts.leg(key) ?? misfit(), numberAt(data)];
    if (counted.get(mark) !== bothDirections) return misfit();
    assembled.set(key, { ...leg, mark });
  }
  return assembled.size === counted.size ? assembled : misfit();
}

/** A bit for each direction in which a mark is counted. */
function directionsByMark(traffic: readonly NatElement[]): Map<number, number> {
  const counted = new Map<number, number>();
  for (const { key } of traffic) {
    const [mark, direction] = [markOf(key), directionOf(key)];
    if (direction < 0) return misfit();
    counted.set(mark, (counted.get(mark) ?? 0) | (1 << direction));
  }
  return counted;
}

function parseHairpin({ key, data = '' }: NatElement, parts: PartReader): Hairpin {
  const [client, provider, ...others] = key.split(' . ').map((text) => parts.address(text) ?? misfit());
  return client && provider && others.length === 0 ? { client, provider, source: parts.address(data) ?? misfit() } : misfit();
}

function parseSegment(key: string): string {
  const { from, to } = parsePassage(key);
  return from === to ? from : misfit();
}

function parsePassage(key: string): Passage {
  const [, from = '', to = ''] = /^"([^"]+)" \. "([^"]+)"$/.exec(key) ?? [];
  return passageKey({ from, to }) === key ? { from, to } : misfit();
}

function misfit(): never {
  throw new Misfit();
}
