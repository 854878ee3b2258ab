/** What became of the last echo requests to a host: the newest last; milliseconds, or undefined for one that was lost. */
export type RoundTrips = readonly (number | undefined)[];

/** As many as tell the usual from the exception, and are forgotten soon when a path changes. */
const kept = 10;

export function afterEcho(trips: RoundTrips, milliseconds: number | undefined): RoundTrips {
  return [...trips, milliseconds].slice(-kept);
}

/** The middle one of those that came back: one that waited for a busy processor does not move it. Undefined if none did. */
export function usualRoundTrip(trips: RoundTrips): number | undefined {
  const answered = trips.filter((trip) => trip !== undefined).sort((a, b) => a - b);
  return answered[Math.floor((answered.length - 1) / 2)];
}

/** From 0 to 1; 0 if there was no request. */
export function lossOf(trips: RoundTrips): number {
  return trips.length === 0 ? 0 : trips.filter((trip) => trip === undefined).length / trips.length;
}
