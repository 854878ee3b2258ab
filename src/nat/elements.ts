import { chainName, directions, segmentKey, slotKey, trafficKey } from './keys.js';
import type { BalancedPort, FamilyState, Leg } from './state.js';

/** The maps and sets of a table. */
export const setNames = ['services', 'slots', 'service_ips', 'legs', 'traffic', 'hairpin', 'segments', 'routed'] as const;
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
    ...[...state.ports].flatMap(([key, port]) => portElements(key, port)),
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

/** The port's element of `services`, and those of its slots. */
function portElements(key: string, { chain, slots }: BalancedPort): NatElement[] {
  return [
    { set: 'services', key, data: `goto ${chainName(chain)}` },
    ...slots.map(({ address, port }, slot): NatElement => ({ set: 'slots', key: slotKey(key, slot), data: `${address.toString()} . ${port}` })),
  ];
}
