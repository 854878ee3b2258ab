import fc from 'fast-check';
import t from 'tap';
import { nextSubnet } from '../../../src/ipam/default-pool.js';
import { Prefix } from '../../../src/model/address.js';

const pool = (base: string, size: number) => ({ base: Prefix.parse(base), size });

t.test('the lowest subnet that overlaps nothing', (t) => {
  const cases: [base: string, size: number, taken: string[], expected: string][] = [
    ['10.64.0.0/10', 24, [], '10.64.0.0/24'],
    ['10.64.0.0/10', 24, ['10.64.0.0/24'], '10.64.1.0/24'],
    ['10.64.0.0/10', 24, ['10.64.1.0/24', '10.64.0.0/24'], '10.64.2.0/24'],
    ['10.64.0.0/10', 24, ['10.64.1.0/24'], '10.64.0.0/24'],
    ['10.64.0.0/10', 24, ['10.64.0.128/25'], '10.64.1.0/24'],
    ['10.64.0.0/10', 24, ['10.64.0.0/15'], '10.66.0.0/24'],
    ['10.64.0.0/10', 24, ['10.64.0.0/16', '10.64.7.0/24', '10.65.0.4/32'], '10.65.1.0/24'],
    ['10.64.0.0/10', 24, ['fd00::/8', '10.128.0.0/9', '10.0.0.0/10'], '10.64.0.0/24'],
    ['fd00:1::/48', 64, ['fd00:1::/64', 'fd00:1:0:1::5/128'], 'fd00:1:0:2::/64'],
    ['10.1.0.0/24', 24, [], '10.1.0.0/24'],
  ];
  for (const [base, size, taken, expected] of cases) {
    t.equal(nextSubnet(pool(base, size), taken.map((text) => Prefix.parse(text))).toString(), expected, `${base} without ${taken.join(', ')}`);
  }
  t.end();
});

t.test('when nothing is left it says so', (t) => {
  for (const taken of [['10.0.0.0/8'], ['10.1.0.0/24'], ['10.1.0.0/25', '10.1.0.128/25'], ['0.0.0.0/0']]) {
    t.throws(() => nextSubnet(pool('10.1.0.0/24', 25), [...taken.map((text) => Prefix.parse(text))]), { code: 'exhausted', message: /no subnet of length 25 is free in 10\.1\.0\.0\/24/ }, taken.join());
  }
  t.end();
});

t.test('property: it is what a search of all subnets finds first', (t) => {
  const subnet = fc.tuple(fc.nat({ max: 255 }), fc.integer({ min: 22, max: 32 })).map(([low, length]) => Prefix.parse(`10.1.0.${low}/${length}`));
  fc.assert(
    fc.property(fc.array(subnet.filter(({ length }) => length > 24), { maxLength: 12 }), (taken) => {
      const all = Array.from({ length: 16 }, (_, index) => Prefix.parse(`10.1.0.${index * 16}/28`));
      const expected = all.find((candidate) => !taken.some((other) => other.overlaps(candidate)));
      const found = (): Prefix => nextSubnet(pool('10.1.0.0/24', 28), taken);
      if (expected) t.equal(found().toString(), expected.toString());
      else t.throws(found, { code: 'exhausted' });
    }),
  );
  t.end();
});
