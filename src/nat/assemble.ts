import { IpAddress } from '../model/address.js';
import { protocols } from '../model/service.js';
import type { NatElement, SetName } from './elements.js';
import { setNames } from './elements.js';
import { directions, hairpinKey, legKey, parseChainName, passageKey, portKey, slotKey, trafficKey } from './keys.js';
import type { BalanceChain, BalancedPort, FamilyState, Hairpin, Leg, Passage, SlotTarget } from './state.js';

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
  const bySet = Object.fromEntries(setNames.map((set) => [set, new Map<string, string>()])) as Record<SetName, Map<string, string>>;
  for (const { set, key, data } of elements) bySet[set].set(key, data ?? '');
  const chains = new Map(chainNames.map((name) => [name, parseChainName(name) ?? misfit()]));
  return {
    chains,
    ports: assemblePorts(chains, bySet.services, bySet.slots),
    serviceIps: new Map([...bySet.service_ips.keys()].map((key) => [key, parseAddress(key)])),
    legs: assembleLegs(bySet.legs, bySet.traffic),
    hairpins: new Map([...bySet.hairpin].map(([key, data]) => [key, parseHairpin(key, data)])),
    bridges: new Set([...bySet.segments.keys()].map(parseSegment)),
    routed: new Map([...bySet.routed.keys()].map((key) => [key, parsePassage(key)])),
  };
}

function assemblePorts(chains: ReadonlyMap<string, BalanceChain>, services: Map<string, string>, slots: Map<string, string>): Map<string, BalancedPort> {
  const ports = new Map([...services].map(([key, verdict]) => [key, assemblePort(chains, key, verdict, slots)]));
  const seated = [...ports.values()].reduce((sum, port) => sum + port.slots.length, 0);
  if (seated !== slots.size) misfit();
  return ports;
}

function assemblePort(chains: ReadonlyMap<string, BalanceChain>, key: string, verdict: string, slots: ReadonlyMap<string, string>): BalancedPort {
  const [address, protocolText, portText] = key.split(' . ');
  const protocol = protocols.find((known) => known === protocolText) ?? misfit();
  const [word, name] = verdict.split(' ');
  const chain = (word === 'goto' && chains.get(name ?? '')) || misfit();
  const port: BalancedPort = {
    ...{ address: parseAddress(address), protocol, port: Number(portText), chain },
    slots: Array.from({ length: chain.slots }, (_, slot) => parseTarget(slots.get(slotKey(key, slot)))),
  };
  return portKey(port.address, protocol, port.port) === key ? port : misfit();
}

function assembleLegs(legs: ReadonlyMap<string, string>, traffic: ReadonlyMap<string, string>): Map<string, Leg> {
  const assembled = new Map([...legs].map(([key, mark]) => [key, parseLeg(key, mark)]));
  const counted = new Set([...assembled.values()].flatMap(({ mark }) => directions.map((direction) => trafficKey(mark, direction))));
  const isWhole = counted.size === traffic.size && [...counted].every((key) => traffic.has(key));
  return isWhole ? assembled : misfit();
}

/** @throws Misfit if the text is not that of a leg. */
function parseLeg(key: string, mark: string): Leg {
  const [address, protocolText, port, provider] = key.split(' . ');
  const protocol = protocols.find((known) => known === protocolText) ?? misfit();
  const leg = { address: parseAddress(address), protocol, port: Number(port), provider: parseAddress(provider), mark: Number(mark) };
  return legKey(leg) === key ? leg : misfit();
}

function parseTarget(text: string | undefined): SlotTarget {
  const [address, port] = text?.split(' . ') ?? [];
  return { address: parseAddress(address), port: Number(port) };
}

function parseHairpin(key: string, data: string): Hairpin {
  const [client, provider] = key.split(' . ').map(parseAddress);
  if (!client || !provider) return misfit();
  return hairpinKey(client, provider) === key ? { client, provider, source: parseAddress(data) } : misfit();
}

function parseSegment(key: string): string {
  const { from, to } = parsePassage(key);
  return from === to ? from : misfit();
}

function parsePassage(key: string): Passage {
  const [, from = '', to = ''] = /^"([^"]+)" \. "([^"]+)"$/.exec(key) ?? [];
  return passageKey({ from, to }) === key ? { from, to } : misfit();
}

function parseAddress(text: string | undefined): IpAddress {
  return IpAddress.tryParse(text ?? '') ?? misfit();
}

function misfit(): never {
  throw new Misfit();
}
