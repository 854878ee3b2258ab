import t from 'tap';
import { PassRate } from '../../../daemon/control/pass-rate.js';

t.test('a hundred passes do not wait, then there are forty a second', (t) => {
  let now = 1000;
  const rate = new PassRate(() => now);
  t.ok(Array.from({ length: 100 }, () => rate.take('a')).every((ms) => ms === 0));
  t.equal(rate.take('a'), 25);
  now += 25;
  t.equal(rate.take('a'), 25);
  now += 10;
  t.equal(rate.take('a'), 40, 'nobody gets a turn for coming early');
  t.equal(rate.take('b'), 0, 'another key has its own');
  t.end();
});

t.test('who does not come for a while does not wait', (t) => {
  let now = 1000;
  const rate = new PassRate(() => now);
  for (let pass = 0; pass < 100; pass += 1) rate.take('a');
  now += 100;
  t.same([1, 2, 3, 4, 5].map(() => rate.take('a')), [0, 0, 0, 0, 25], 'four turns in a tenth of a second');
  now += 10_000;
  t.ok(Array.from({ length: 100 }, () => rate.take('a')).every((ms) => ms === 0));
  t.equal(rate.take('a'), 25, 'and no more than a hundred, however long that was');
  t.end();
});

t.test('of who has all turns again nothing is kept', (t) => {
  let now = 1000;
  const rate = new PassRate(() => now);
  for (const key of ['a', 'b', 'a', 'c', 'a']) rate.take(key);
  now += 25;
  rate.take('d');
  t.equal(rate.size, 2, 'b and c had one pass each');
  now += 1000;
  rate.take('d');
  t.equal(rate.size, 1);
  t.end();
});
