import type { StatsCounts } from '../src/wire/objects.js';
import { bytes } from './units.js';

export const ratesTitles = ['Conn/s', 'Received/s', 'Sent/s'];

const none: StatsCounts = { connections: 0, openConnections: 0, receivedPackets: 0, receivedBytes: 0, sentPackets: 0, sentBytes: 0 };

/**
 * What it was per second between two readings, as cells of a table: empty where nothing can be said, because there was no
 * reading before or the kernel has begun to count anew since then.
 * @param before absent: it was not there yet, and has been counted from 0.
 * @param seconds between the two; NaN if there was no reading before.
 */
export function ratesBetween(before: StatsCounts | undefined, now: StatsCounts, seconds: number): string[] {
  const rate = (field: keyof StatsCounts): number => (now[field] - (before ?? none)[field]) / seconds;
  const cell = (value: number, format: (value: number) => string): string => (Number.isFinite(value) && value >= 0 ? format(value) : '');
  return [
    cell(rate('connections'), (value) => (value < 10 ? value.toFixed(1) : String(Math.round(value)))),
    cell(rate('receivedBytes'), (value) => bytes(Math.round(value))),
    cell(rate('sentBytes'), (value) => bytes(Math.round(value))),
  ];
}
