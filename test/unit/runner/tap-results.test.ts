import t from 'tap';
import { TapResults } from '../../runner/tap-results.js';

/** Reads a whole TAP stream; `fault` is why the file fails although no assertion of it does. */
function read(...lines: string[]): { results: TapResults; fault: string | undefined } {
  const results = new TapResults();
  results.write(lines.map((line) => `${line}\n`).join(''));
  const fault = results.end();
  return { results, fault };
}

t.test('assertions are counted, not the subtests around them', async (t) => {
  const { results, fault } = read('TAP version 14', '# Subtest: outer', '    ok 1 - a', '    ok 2 - b', '    1..2', 'ok 1 - outer', 'ok 2 - c', '1..2');
  t.equal(results.passed, 3);
  t.equal(results.failures.length, 0);
  t.equal(fault, undefined);
});

t.test('a failed assertion in a subtest is one failure, with what was found', async (t) => {
  const { results, fault } = read(
    'TAP version 14',
    '# Subtest: outer',
    '    not ok 1 - equal',
    '      ---',
    '      diff: "- 1 + 2"',
    '      source: "t.equal(1, 2)"',
    '      ...',
    '    1..1',
    '    # failed 1 test',
    'not ok 1 - outer',
    '1..1',
  );
  t.equal(results.passed, 0);
  t.strictSame(results.failures, [{ name: 'outer > equal', detail: 'diff: - 1 + 2' }]);
  t.equal(fault, undefined);
});

t.test('skipped assertions are counted apart, planned ones fail', async (t) => {
  const { results } = read('TAP version 14', 'ok 1 - here', 'ok 2 - there # SKIP no such thing', 'not ok 3 - later # TODO', '1..3');
  t.equal(results.passed, 1);
  t.equal(results.skipped, 1);
  t.match(results.failures, [{ detail: 'is marked as todo' }]);
  t.equal(results.onlySkipped, false);
});

t.test('a file that skips everything is known as such', async (t) => {
  const { results, fault } = read('TAP version 14', '1..0 # SKIP needs root');
  t.equal(results.skipped, 1);
  t.equal(results.onlySkipped, true);
  t.equal(fault, undefined);
});

t.test('a file that asserts nothing, or ends before its plan is kept, fails', async (t) => {
  t.equal(read('hello').fault, 'asserted nothing');
  t.equal(read('').fault, 'asserted nothing');
  const cut = read('TAP version 14', 'ok 1 - a', '1..3');
  t.ok(cut.fault ?? cut.results.failures.length > 0, 'a plan that is not kept');
  t.match(read('TAP version 14', 'ok 1 - a', 'Bail out! no disk').fault, /no disk/);
});

t.test('what is not TAP is kept for the report', async (t) => {
  const { results } = read('TAP version 14', 'ok 1 - a', 'a line of the program', '1..1');
  t.match(results.extra, 'a line of the program');
});
