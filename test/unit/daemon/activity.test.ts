import t from 'tap';
import { Activity } from '../../../daemon/activity.js';

t.test('twenty passes in a second over many services are many', (t) => {
  let now = 0;
  const activity = new Activity(() => (now += 50));
  const told = Array.from({ length: 25 }, () => activity.passed(20_000));
  t.same(told, [...Array<boolean>(19).fill(false), ...Array<boolean>(6).fill(true)]);
  now += 100;
  t.notOk(activity.passed(20_000), 'there was a pause');
  t.end();
});

t.test('fewer are not, nor those over few services', (t) => {
  let now = 0;
  const slow = new Activity(() => (now += 60));
  t.notOk(Array.from({ length: 100 }, () => slow.passed(20_000)).some(Boolean));
  const small = new Activity(() => (now += 1));
  t.notOk(Array.from({ length: 100 }, () => small.passed(100)).some(Boolean));
  t.end();
});
