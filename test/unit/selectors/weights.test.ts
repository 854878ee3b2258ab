import t from 'tap';
import { formatWeight, parseWeight, parseWeights, weightOf } from '../../../src/selectors/weights.js';

t.test('a weight is a selector term and a percentage', (t) => {
  for (const [text, canonical] of [
    ['version=2:10', 'version=2:10'],
    [' version = 2 : 10 ', 'version=2:10'],
    ['version in (3,2):25', 'version in (2,3):25'],
    ['image=registry:5000/a:0', 'image=registry:5000/a:0'],
    ['!canary:100', '!canary:100'],
    ['canary:7', 'canary:7'],
  ] as const) {
    const weight = parseWeight(text);
    t.equal(formatWeight(weight), canonical, text);
    t.same(parseWeight(canonical), weight, 'the canonical text is read as the same');
  }
  t.end();
});

t.test('weights that are refused', (t) => {
  for (const [texts, message] of [
    [['version=2'], 'invalid weight "version=2": write it as SELECTOR:PERCENT, for example version=2:10'],
    [['none'], 'invalid weight "none": write it as SELECTOR:PERCENT, for example version=2:10'],
    [['version=2:'], 'invalid weight "version=2:": "" is not a whole number of percent in 0..100'],
    [['version=2:101'], 'invalid weight "version=2:101": "101" is not a whole number of percent in 0..100'],
    [['version=2:-1'], 'invalid weight "version=2:-1": "-1" is not a whole number of percent in 0..100'],
    [['version=2:1.5'], 'invalid weight "version=2:1.5": "1.5" is not a whole number of percent in 0..100'],
    [['version=2:010'], 'invalid weight "version=2:010": "010" is not a whole number of percent in 0..100'],
    [['version in ():10'], 'invalid weight "version in ():10": "version in ()" is no selector term such as version=2 or "version in (2,3)"'],
    [[':10'], 'invalid weight ":10": "" is no selector term such as version=2 or "version in (2,3)"'],
    [['v=1:10', 'v==1:20'], 'the selector term "v=1" has two weights: give it one'],
    [['v=1:60', 'v=2:41'], 'the weights of a service are shares of 100 percent, and these are 101 together: lower them'],
  ] as const) {
    t.throws(() => parseWeights(texts), { code: 'invalid', message });
  }
  t.same(parseWeights(['v=1:60', 'v=2:40']).map(({ percent }) => percent), [60, 40], 'all of 100 percent may be given away');
  t.end();
});

t.test('a provider counts for the first weight whose term it satisfies', (t) => {
  const weights = parseWeights(['version=2:10', 'canary:20', 'version in (2,3):30']);
  t.equal(weightOf(weights, { version: '2', canary: '' }), 0);
  t.equal(weightOf(weights, { version: '3', canary: '' }), 1);
  t.equal(weightOf(weights, { version: '3' }), 2);
  t.equal(weightOf(weights, { version: '1' }), undefined);
  t.end();
});
