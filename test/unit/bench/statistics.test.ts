import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { ratios, summarize } from '../../../bench/statistics.js';

t.test('median and quarters', (t) => {
  t.same(summarize([5]), { least: 5, quarter: 5, median: 5, threeQuarters: 5, most: 5 });
  t.same(summarize([40, 10, 30, 20, 50]), { least: 10, quarter: 20, median: 30, threeQuarters: 40, most: 50 });
  t.same(summarize([1, 2]), { least: 1, quarter: 1.25, median: 1.5, threeQuarters: 1.75, most: 2 }, 'between two it is interpolated');
  t.throws(() => summarize([]), RangeError);
  t.end();
});

t.test('they are in order, and half of the values lie on each side', (t) => {
  const property = fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 30 }), (values) => {
    const { least, quarter, median, threeQuarters, most } = summarize(values);
    assert.ok(least <= quarter && quarter <= median && median <= threeQuarters && threeQuarters <= most);
    assert.equal(least, Math.min(...values));
    assert.equal(most, Math.max(...values));
    assert.ok(values.filter((value) => value < median).length <= values.length / 2);
    assert.ok(values.filter((value) => value > median).length <= values.length / 2);
  });
  t.doesNotThrow(() => fc.assert(property));
  t.end();
});

t.test('a ratio above one is better, whatever is counted', (t) => {
  t.same(ratios([50, 300], [100, 200], { better: 'more' }), [0.5, 1.5]);
  t.same(ratios([50, 400], [100, 200], { better: 'less' }), [2, 0.5]);
  t.same(ratios([0, 3], [4, 0], { better: 'less', count: true }), [5, 0.25], 'of what may be 0, one is added');
  t.end();
});
