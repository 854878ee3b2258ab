import fc from 'fast-check';
import t from 'tap';
import { editDistance, nearest } from '../../../cli/suggestion.js';

t.test('edit distances', async (t) => {
  t.equal(editDistance('', 'abc'), 3);
  t.equal(editDistance('kitten', 'sitting'), 3);
  t.equal(editDistance('subnet', 'subnt'), 1);
});

t.test('the distance is a metric', async () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  fc.assert(
    fc.property(word, word, word, (one, two, three) => {
      const direct = editDistance(one, three);
      return (
        (direct === 0) === (one === three) &&
        direct === editDistance(three, one) &&
        direct <= editDistance(one, two) + editDistance(two, three)
      );
    }),
  );
});

t.test('what was meant', async (t) => {
  const known = ['network', 'net', 'service', 'tenant', 'ls', 'rm'];
  const cases: [string, string | undefined][] = [
    ['nework', 'network'],
    ['serv', 'service'],
    ['services', 'service'],
    ['tennant', 'tenant'],
    ['group', undefined],
    // Two letters are near every other two letters.
    ['ms', undefined],
    ['x', undefined],
  ];
  for (const [word, meant] of cases) t.equal(nearest(word, known), meant, word);
});
