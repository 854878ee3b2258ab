import t from 'tap';
import { Pace, systemClock } from '../../../daemon/control/pace.js';

t.test('work gets its share of the time, measured by what it used last, however long it took', async (t) => {
  let [now, used] = [1000, 0];
  const pace = new Pace({ now: () => now, used: () => used });
  t.ok(pace.allows(0.01), 'at first it may begin');
  const work = (ms: number): Promise<void> =>
    pace.measure(() => {
      now += 20 * ms;
      used += ms;
      return Promise.resolve();
    });
  await work(30);
  now += 299;
  t.notOk(pace.allows(0.1));
  now += 1;
  t.ok(pace.allows(0.1));
  t.notOk(pace.allows(0.01), 'a smaller share, later');
  await work(1);
  now += 10;
  t.ok(pace.allows(0.1));
});

t.test('a failure is not measured', async (t) => {
  let used = 0;
  const pace = new Pace({ now: () => 0, used: () => used });
  await t.rejects(pace.measure(() => Promise.reject(new Error(`failed after ${(used += 10_000)}`))));
  t.ok(pace.allows(0.01));
});

t.test('the processor time of this process rises while it works', (t) => {
  const before = systemClock.used();
  const end = systemClock.now() + 5_000;
  while (systemClock.used() < before + 5 && systemClock.now() < end);
  t.ok(systemClock.used() >= before + 5);
  t.end();
});
