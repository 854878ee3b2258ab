import fc from 'fast-check';
import t from 'tap';
import type { SelectorTerm } from '../../../src/model/service.js';
import { explain } from '../../../src/selectors/explain.js';
import { formatLabels, formatTerm } from '../../../src/selectors/format.js';
import { matches } from '../../../src/selectors/match.js';
import { parseSelectors, parseTerm } from '../../../src/selectors/parse.js';

t.test('every form of a term, and its canonical text', (t) => {
  for (const [text, term, canonical] of [
    ['tier=web', { key: 'tier', operator: '=', value: 'web' }, 'tier=web'],
    ['tier==web', { key: 'tier', operator: '=', value: 'web' }, 'tier=web'],
    [' tier = web ', { key: 'tier', operator: '=', value: 'web' }, 'tier=web'],
    ['tier=', { key: 'tier', operator: '=', value: '' }, 'tier='],
    ['tier=a,b (c)', { key: 'tier', operator: '=', value: 'a,b (c)' }, 'tier=a,b (c)'],
    ['tier=!web', { key: 'tier', operator: '=', value: '!web' }, 'tier=!web'],
    ['com.example/x_y-z=1.0', { key: 'com.example/x_y-z', operator: '=', value: '1.0' }, 'com.example/x_y-z=1.0'],
    ['tier!=web', { key: 'tier', operator: '!=', value: 'web' }, 'tier!=web'],
    ['tier != ', { key: 'tier', operator: '!=', value: '' }, 'tier!='],
    ['tier in (web,db)', { key: 'tier', operator: 'in', values: ['db', 'web'] }, 'tier in (db,web)'],
    ['tier in( web , db,web )', { key: 'tier', operator: 'in', values: ['db', 'web'] }, 'tier in (db,web)'],
    ['tier in (a=b)', { key: 'tier', operator: 'in', values: ['a=b'] }, 'tier in (a=b)'],
    ['tier in (,web)', { key: 'tier', operator: 'in', values: ['', 'web'] }, 'tier in (,web)'],
    ['tier in (,)', { key: 'tier', operator: 'in', values: [''] }, 'tier in (,)'],
    ['tier notin (web)', { key: 'tier', operator: 'notin', values: ['web'] }, 'tier notin (web)'],
    ['tier', { key: 'tier', operator: 'exists' }, 'tier'],
    ['in', { key: 'in', operator: 'exists' }, 'in'],
    ['in in (in)', { key: 'in', operator: 'in', values: ['in'] }, 'in in (in)'],
    ['!tier', { key: 'tier', operator: 'absent' }, '!tier'],
  ] as const) {
    t.same(parseTerm(text), term, text);
    t.equal(formatTerm(parseTerm(text)), canonical, text);
  }
  t.end();
});

t.test('what is no term', (t) => {
  for (const text of [
    '', ' ', '=', '=web', '!=web', '!', '!!tier', '!tier=web', 'tier=web=x', 'tier===web', 'tier!=web=x', 'tier=web!=x', 'a b=c', 'tier web', 'tier>1',
    'tier in', 'tier in ()', 'tier in web', 'tier in (a', 'tier in (a))', 'tier notin((a))', 'tierin (a)', 'tier IN (a)', 'tier=a\nb', 'schlüssel=1',
  ]) {
    t.throws(() => parseTerm(text), { code: 'invalid', message: `invalid selector "${text}": write it as key=value, key!=value, key in (a,b), key notin (a,b), key or !key` }, text);
  }
  t.end();
});

t.test('selectors: none is refused, the same twice is one, contradictions stay', (t) => {
  t.throws(() => parseSelectors([]), { code: 'invalid', message: /invalid selector options/ });
  t.same(parseSelectors(['tier=web', 'tier == web', 'a in (x,y)', 'a in (y,x)']).map(formatTerm), ['tier=web', 'a in (x,y)']);
  const contradiction = parseSelectors(['tier=web', 'tier=db']);
  t.equal(contradiction.length, 2);
  t.notOk(matches(contradiction, { tier: 'web' }));
  t.end();
});

t.test('which labels a term selects, and why not', (t) => {
  for (const [text, labels, reason] of [
    ['tier=web', { tier: 'web', version: '1.0' }, undefined],
    ['tier=web', { tier: 'db' }, 'label tier is "db", not "web"'],
    ['tier=web', {}, 'label tier is missing'],
    ['tier=', { tier: '' }, undefined],
    ['tier=', {}, 'label tier is missing'],
    ['tier=', { tier: 'web' }, 'label tier is "web", not ""'],
    ['tier=web', { tier: '' }, 'label tier is "", not "web"'],
    ['tier!=web', { tier: 'db' }, undefined],
    ['tier!=web', {}, undefined],
    ['tier!=web', { tier: 'web' }, 'label tier is "web", which the selector excludes'],
    ['tier in (a,b)', { tier: 'b' }, undefined],
    ['tier in (a,b)', { tier: 'c' }, 'label tier is "c", not one of "a", "b"'],
    ['tier in (,b)', {}, 'label tier is missing'],
    ['tier notin (a,b)', { tier: 'c' }, undefined],
    ['tier notin (,b)', {}, undefined],
    ['tier notin (a,b)', { tier: 'a' }, 'label tier is "a", which the selector excludes'],
    ['tier', { tier: '' }, undefined],
    ['tier', { other: '' }, 'label tier is missing'],
    ['!tier', { other: '' }, undefined],
    ['!tier', { tier: '' }, 'label tier is "", but the selector wants no such label'],
    ['constructor', {}, 'label constructor is missing'],
    ['toString!=x', {}, undefined],
  ] as const) {
    const terms = [parseTerm(text)];
    t.equal(explain(terms, labels), reason, `${text} ${JSON.stringify(labels)}`);
    t.equal(matches(terms, labels), reason === undefined, `${text} ${JSON.stringify(labels)}`);
  }
  t.end();
});

t.test('a label with an empty value does not stand in for a missing one', (t) => {
  t.notOk(matches(parseSelectors(['tier=web', 'release=stable']), { tier: 'web', foo: '' }));
  t.equal(explain(parseSelectors(['tier=web', 'release=stable']), { tier: 'web', foo: '' }), 'label release is missing');
  t.end();
});

const key = fc.stringMatching(/^[A-Za-z0-9._/-]{1,6}$/);
const value = fc.stringMatching(/^([^=\p{Cc}\s]{1,4}|)$/u);
const member = fc.stringMatching(/^([^(),\p{Cc}\s]{1,4}|)$/u);
const term: fc.Arbitrary<SelectorTerm> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('=', '!='), value }),
  fc.record({ key, operator: fc.constantFrom('in', 'notin'), values: fc.uniqueArray(member, { minLength: 1, maxLength: 3 }).map((values) => values.sort()) }),
  fc.record({ key, operator: fc.constantFrom('exists', 'absent') }),
);
const labels = fc.dictionary(key, fc.oneof(value, member), { maxKeys: 4 });

t.test('the text of a term parses to the term', (t) => {
  fc.assert(fc.property(term, (term) => t.same(parseTerm(formatTerm(term)), term)), { numRuns: 300 });
  t.end();
});

t.test('parsing any text gives a term or a refusal', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab=!(), inot') }), (text) => {
      try {
        const parsed = parseTerm(text);
        t.same(parseTerm(formatTerm(parsed)), parsed);
      } catch (error) {
        t.match(error, { code: 'invalid' });
      }
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('explain has a reason exactly where matches says no; opposites are opposites; order and other labels do not matter', (t) => {
  const opposites = { '=': '!=', '!=': '=', in: 'notin', notin: 'in', exists: 'absent', absent: 'exists' } as const;
  fc.assert(
    fc.property(fc.array(term, { maxLength: 4 }), labels, fc.string(), (terms, labels, extra) => {
      const selected = matches(terms, labels);
      t.equal(explain(terms, labels) === undefined, selected);
      t.equal(matches([...terms].reverse(), labels), selected);
      t.equal(matches(terms, { ...labels, '~unused': extra }), selected);
      for (const one of terms) {
        const opposite = { ...one, operator: opposites[one.operator] } as SelectorTerm;
        t.equal(matches([opposite], labels), !matches([one], labels));
      }
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test('labels in the form of a Go map', (t) => {
  t.equal(formatLabels({}), 'map[]');
  t.equal(formatLabels({ tier: 'web', environment: 'prod', Empty: '' }), 'map[Empty: environment:prod tier:web]');
  t.end();
});
