import fc from 'fast-check';
import t from 'tap';
import { SpanSet, sizeOf, spansOf, subtract, type Span } from '../../../src/ipam/spans.js';

const numbers = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 12 });
const valuesOf = (spans: readonly Span[]): number[] =>
  spans.flatMap(({ first, last }) => Array.from({ length: Number(last - first) + 1 }, (_, index) => Number(first) + index));
const sorted = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b);

t.test('a SpanSet is a set', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 30 }))), (steps) => {
      const set = new SpanSet();
      const model = new Set<number>();
      for (const [add, value] of steps) {
        if (add) set.add(BigInt(value));
        else set.delete(BigInt(value));
        if (add) model.add(value);
        else model.delete(value);
      }
      const absent = Array.from({ length: 31 }, (_, value) => value).filter((value) => !model.has(value));
      for (let value = 0; value <= 30; value++) {
        if (set.has(BigInt(value)) !== model.has(value)) return false;
        const expected = absent.find((candidate) => candidate >= value && candidate <= 25);
        const found = set.firstAbsent({ first: BigInt(value), last: 25n });
        if (found !== (expected === undefined ? undefined : BigInt(expected))) return false;
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.pass('500 runs');
  t.end();
});

t.test('spansOf keeps what it is given, in as few spans as possible', (t) => {
  fc.assert(
    fc.property(numbers, (values) => {
      const spans = spansOf(values.map(BigInt));
      const touching = spans.some((span, index) => span.last + 1n >= (spans[index + 1]?.first ?? 1000n));
      return !touching && t.same(valuesOf(spans), sorted(values)) && sizeOf(spans) === BigInt(new Set(values).size);
    }),
  );
  t.end();
});

t.test('subtract leaves what is only in the first', (t) => {
  fc.assert(
    fc.property(numbers, numbers, (values, removed) => {
      const left = subtract(spansOf(values.map(BigInt)), spansOf(removed.map(BigInt)));
      return t.same(valuesOf(left), sorted(values.filter((value) => !removed.includes(value))));
    }),
    { numRuns: 300 },
  );
  t.end();
});
