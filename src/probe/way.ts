import { usualRoundTrip, type RoundTrips } from './round-trips.js';

/** What was measured of the way to another host. */
export interface Way {
  /** Through VXLAN. */
  readonly trips: RoundTrips;
  /** The longest packet that gets there through VXLAN and comes back, in bytes; absent: not found yet. */
  readonly mtu?: number;
  /** Whether the host answered without VXLAN, when nothing came back through it; absent: it was not asked. */
  readonly underlayAnswers?: boolean;
  /** Why nothing can be measured. */
  readonly unable?: string;
}

export const unknownWay: Way = { trips: [] };

/** So many lost in a row are no accident. */
const manyLosses = 3;

/** `silent`: nothing comes back at all; `blocked`: the host answers on the underlay, but not through VXLAN. */
export type WayState = 'open' | 'blocked' | 'silent' | 'unknown';

export function stateOfWay({ trips, underlayAnswers, unable }: Way): WayState {
  if (unable !== undefined) return 'unknown';
  if (trips.at(-1) !== undefined) return 'open';
  const last = trips.slice(-manyLosses);
  if (last.length < manyLosses || last.some((trip) => trip !== undefined)) return 'unknown';
  return underlayAnswers ? 'blocked' : 'silent';
}

/** In milliseconds; undefined if nothing comes back. */
export function roundTripOf(way: Way): number | undefined {
  const state = stateOfWay(way);
  return state === 'blocked' || state === 'silent' ? undefined : usualRoundTrip(way.trips);
}
