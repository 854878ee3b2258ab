import t from 'tap';
import { Pace } from '../../../daemon/control/pace.js';

t.test('work gets its share of the time, measured by how long it took last', async (t) => {
  let now = 1000;
  const pace = new Pace(() => now);
  t.ok(pace.allows(0.01), 'at first it may begin');
  const work = (ms: number): Promise<void> => pace.measure(() => Promise.resolve(void (now += ms)));
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
  let now = 0;
  const pace = new Pace(() => now);
  await t.rejects(pace.measure(() => Promise.reject(new Error(`failed at ${(now += 10_000)}`))));
  t.ok(pace.allows(0.01));
});
