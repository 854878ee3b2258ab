import t from 'tap';
import { afterEcho, lossOf, usualRoundTrip, type RoundTrips } from '../../../src/probe/round-trips.js';

const after = (...trips: (number | undefined)[]): RoundTrips => trips.reduce<RoundTrips>(afterEcho, []);

t.test('the usual round trip', async (t) => {
  t.equal(usualRoundTrip([]), undefined);
  t.equal(usualRoundTrip(after(undefined, undefined)), undefined);
  t.equal(usualRoundTrip(after(3)), 3);
  t.equal(usualRoundTrip(after(0.4, 250, 0.3, undefined, 0.5, 0.2)), 0.4, 'one that waited does not move it, a loss does not count');
  t.equal(usualRoundTrip(after(10, 9)), 9, 'of two the quicker, by number and not by text');
});

t.test('the loss', async (t) => {
  t.equal(lossOf([]), 0);
  t.equal(lossOf(after(1, undefined, 1, 1)), 0.25);
  t.equal(lossOf(after(undefined)), 1);
});

t.test('what is long ago is forgotten', async (t) => {
  const trips = after(undefined, ...Array<number>(9).fill(1), 2);
  t.equal(trips.length, 10);
  t.equal(lossOf(trips), 0);
  t.equal(trips.at(-1), 2);
});
