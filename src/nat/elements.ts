import { chainNumber, directions, segmentKey, slotKey, trafficKey } from './keys.js';
import type { BalancedPort, FamilyState, Leg } from './state.js';

/** The maps and sets of a table. */
export const setNames = ['services', 'balancers', 'slots', 'service_ips', 'legs', 'traffic', 'hairpin', 'segments', 'routed'] as const;
export type SetName = (typeof setNames)[number];

/** One element of a map, or, without data, of a set; key and data as nft takes them. */
export interface NatElement {
  readonly set: SetName;
  readonly key: string;
  readonly data?: string;
}

/** All elements of a table. */
export function elementsOf(state: Omit<FamilyState, 'chains'>): NatElement[] {
  return [
    ...[...state.balancers].map(([name, chain]): NatElement => ({ set: 'balancers', key: String(chainNumber(chain)), data: `goto ${name}` })),
    ...portsElements(state.ports),
    ...[...state.serviceIps.keys()].map((key): NatElement => ({ set: 'service_ips', key })),
    ...[...state.legs].flatMap(([key, leg]) => legElements(key, leg)),
    ...[...state.hairpins].map(([key, { source }]): NatElement => ({ set: 'hairpin', key, data: source.toString() })),
    ...[...state.bridges].map((bridge): NatElement => ({ set: 'segments', key: segmentKey(bridge) })),
    ...[...state.routed.keys()].map((key): NatElement => ({ set: 'routed', key })),
  ];
}

function legElements(key: string, { mark }: Leg): NatElement[] {
  return [
    { set: 'legs', key, data: String(mark) },
    ...directions.map((direction): NatElement => ({ set: 'traffic', key: trafficKey(mark, direction) })),
  ];
}

/** Of each port its element of `services`, and those of its slots. Many ports may have one list of slots: its texts are made once. */
function portsElements(ports: FamilyState['ports']): NatElement[] {
  const elements: NatElement[] = [];
  const texts = new Map<BalancedPort['slots'], readonly string[]>();
  for (const [key, { chain, slots }] of ports) {
    elements.push({ set: 'services', key, data: String(chainNumber(chain)) });
    const targets = texts.get(slots) ?? slots.map(({ address, port }) => `${address.toString()} . ${port}`);
    texts.set(slots, targets);
    for (const [slot, data] of targets.entries()) elements.push({ set: 'slots', key: slotKey(key, slot), data });
  }
  return elements;
}
