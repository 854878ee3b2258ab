import t from 'tap';
import { roundTripOf, stateOfWay, unknownWay, type Way } from '../../../src/probe/way.js';

const lost = undefined;

t.test('a way is open, blocked, silent, or nobody knows', async (t) => {
  const cases: readonly [Way, ReturnType<typeof stateOfWay>, number | undefined][] = [
    [unknownWay, 'unknown', undefined],
    [{ trips: [1] }, 'open', 1],
    [{ trips: [lost, lost, lost, 1] }, 'open', 1],
    [{ trips: [1, lost, lost] }, 'unknown', 1],
    [{ trips: [1, lost, lost], underlayAnswers: true }, 'unknown', 1],
    [{ trips: [lost, lost] }, 'unknown', undefined],
    [{ trips: [1, lost, lost, lost], underlayAnswers: true }, 'blocked', undefined],
    [{ trips: [1, lost, lost, lost], underlayAnswers: false }, 'silent', undefined],
    [{ trips: [lost, lost, lost], unable: 'there are no raw sockets' }, 'unknown', undefined],
  ];
  for (const [way, state, trip] of cases) {
    t.equal(stateOfWay(way), state, JSON.stringify(way));
    t.equal(roundTripOf(way), trip, JSON.stringify(way));
  }
});
