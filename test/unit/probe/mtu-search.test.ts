import fc from 'fast-check';
import t from 'tap';
import { beginMtuSearch, foundMtu, learn, nextLength, type MtuSearch, type Trial } from '../../../src/probe/mtu-search.js';

/** Searches to the end; returns what was tried, and what was found. */
function search(begun: MtuSearch, trial: (length: number) => Trial): { tried: number[]; found: number | undefined } {
  const tried: number[] = [];
  let state = begun;
  for (let length = nextLength(state); length !== undefined; length = nextLength(state)) {
    tried.push(length);
    state = learn(state, trial(length));
  }
  return { tried, found: foundMtu(state) };
}

/** A path that lets packets of this length through, and tells of longer ones or loses them. */
const path = (mtu: number, otherwise: Trial) => (length: number): Trial => (length <= mtu ? 'answered' : otherwise);

t.test('a path that passes all that the link does costs one packet', async (t) => {
  t.strictSame(search(beginMtuSearch(1280, 1450), path(1450, 'lost')), { tried: [1450], found: 1450 });
});

t.test('a host that does not answer costs two lengths, three packets each', async (t) => {
  t.strictSame(search(beginMtuSearch(576, 1500), () => 'lost'), { tried: [1500, 1500, 1500, 576, 576, 576], found: undefined });
  t.strictSame(search(beginMtuSearch(1500, 1500), () => 'lost'), { tried: [1500, 1500, 1500], found: undefined });
});

t.test('what is too long needs no second packet', async (t) => {
  const { tried, found } = search(beginMtuSearch(576, 1500), path(1400, 'tooLong'));
  t.equal(found, 1400);
  t.strictSame(tried.slice(0, 3), [1500, 576, 1038], 'the whole link, the least, the middle');
  t.equal(new Set(tried).size, tried.length);
});

t.test('the MTU of any path is found, in few lengths', async () => {
  const lengths = fc.integer({ min: 68, max: 65_535 });
  fc.assert(
    fc.property(lengths, lengths, lengths, fc.constantFrom<Trial>('lost', 'tooLong'), (a, b, mtu, otherwise) => {
      const [least, most] = [Math.min(a, b), Math.max(a, b)];
      const { tried, found } = search(beginMtuSearch(least, most), path(mtu, otherwise));
      const expected = mtu < least ? undefined : Math.min(mtu, most);
      return found === expected && new Set(tried).size <= 2 + Math.ceil(Math.log2(most - least + 1)) && tried.every((length) => length >= least && length <= most);
    }),
  );
});

t.test('two packets in a row may be lost', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1280, max: 9000 }), fc.array(fc.integer({ min: 0, max: 2 })), (mtu, losses) => {
      let left = 0;
      let length = 0;
      const lossy = (tried: number): Trial => {
        if (tried !== length) [length, left] = [tried, losses.shift() ?? 0];
        return left-- > 0 ? 'lost' : path(mtu, 'lost')(tried);
      };
      return search(beginMtuSearch(1280, 9000), lossy).found === mtu;
    }),
  );
});

t.test('nothing is known before the end, and nothing is learnt after it', async (t) => {
  const begun = beginMtuSearch(1280, 1500);
  t.equal(foundMtu(begun), undefined);
  t.equal(foundMtu(learn(learn(begun, 'tooLong'), 'answered')), undefined);
  const done = learn(begun, 'answered');
  t.equal(learn(done, 'tooLong'), done);
  t.throws(() => beginMtuSearch(1500, 1280), RangeError);
});
