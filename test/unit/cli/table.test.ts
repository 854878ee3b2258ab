import fc from 'fast-check';
import t from 'tap';
import { table } from '../../../cli/table.js';

t.test('a header, dashes and rows, two spaces apart, without blanks at the end', async (t) => {
  const text = table(['Tenant', 'Network', 'Gateway'], [
    ['default', 'contiv-net', '10.1.1.254'],
    ['blue', 'n', ''],
  ]);
  t.equal(
    text,
    [
      'Tenant   Network     Gateway', //
      '------   -------     -------',
      'default  contiv-net  10.1.1.254',
      'blue     n',
      '',
    ].join('\n'),
  );
});

t.test('no rows leave the header', async (t) => t.equal(table(['Name'], []), 'Name\n----\n'));

t.test('a table may be longer than a function may have arguments', async (t) => {
  t.equal(table(['AA', 'B'], Array<string[]>(200_000).fill(['xx', 'y'])).length, 200_002 * 'xx  y\n'.length);
});

t.test('characters are counted, not UTF-16 units', async (t) => {
  t.equal(table(['A', 'B'], [['💡', 'x'], ['yy', 'z']]), 'A   B\n-   -\n💡   x\nyy  z\n');
});

t.test('a cell cannot command the terminal or break the line', async (t) => {
  t.equal(table(['A'], [['a\u001b[31mb\nc\u009b']]), 'A\n-\na?[31mb?c?\n');
});

t.test('every cell begins in the column of its title', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 12 });
  const grid = fc.integer({ min: 1, max: 5 }).chain((columns) => {
    const row = fc.array(cell, { minLength: columns, maxLength: columns });
    return fc.tuple(row, fc.array(row, { maxLength: 6 }));
  });
  fc.assert(
    fc.property(grid, ([titles, rows]) => {
      const lines = table(titles, rows).split('\n').slice(0, -1);
      const all = [titles, titles.map((title) => '-'.repeat(title.length)), ...rows];
      let start = 0;
      for (let column = 0; column < titles.length; column += 1) {
        lines.forEach((line, row) => {
          const expected = all[row]?.[column] ?? '';
          if (line.slice(start, start + expected.length) !== expected) throw new Error(`"${expected}" is not at ${start} in "${line}"`);
        });
        start += Math.max(...all.map((row) => row[column]?.length ?? 0)) + 2;
      }
    }),
  );
});
