import t from 'tap';
import { checkVni, nextVni } from '../../../src/ipam/vni.js';

t.test('the lowest identifier that is free', (t) => {
  t.equal(nextVni(new Set()), 1);
  t.equal(nextVni(new Set([1, 2, 4])), 3);
  t.equal(nextVni(new Set([2])), 1);
  t.equal(nextVni(new Set(Array.from({ length: 10_000 }, (_, index) => index + 1))), 10_001);
  t.end();
});

t.test('an identifier has 24 bits and is not 0', (t) => {
  for (const vni of [1, 10_001, 16_777_215]) t.equal(checkVni(vni), vni);
  for (const vni of [0, -1, 16_777_216, 1.5, NaN]) t.throws(() => checkVni(vni), { code: 'invalid', message: /is not in 1\.\.16777215/ });
  t.end();
});

t.test('when all are used, it says so', (t) => {
  const all: ReadonlySet<number> = Object.assign(new Set<number>(), { has: () => true });
  t.throws(() => nextVni(all), { code: 'exhausted' });
  t.end();
});
