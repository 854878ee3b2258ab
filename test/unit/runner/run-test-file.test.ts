import { join } from 'node:path';
import t from 'tap';
import { summary, type Outcome } from '../../runner/outcome.js';
import { reportFailures, reportOutcome } from '../../runner/report.js';
import { runTestFile } from '../../runner/run-test-file.js';

/** Runs a program as if it were a test file. */
async function outcomeOf(t: { testdir(files: Record<string, string>): string }, program: string): Promise<Outcome> {
  const directory = t.testdir({ 'a.test.mjs': program });
  return runTestFile({ suite: 'unit', name: 'unit/a', script: join(directory, 'a.test.mjs'), company: 'any' }, directory);
}

t.test('a file that passes', async (t) => {
  const outcome = await outcomeOf(t, `console.log('TAP version 14\\nok 1 - a\\nok 2 - b\\n1..2')`);
  t.match(outcome, { name: 'unit/a', passed: 2, skipped: 0, failures: [] });
});

t.test('a file whose assertions pass but whose process fails has failed', async (t) => {
  const outcome = await outcomeOf(t, `console.error('oh no'); console.log('TAP version 14\\nok 1 - a\\n1..1'); process.exitCode = 3`);
  t.match(outcome, { passed: 1, failures: [{ name: 'the file', detail: 'ended with exit code 3' }], output: /oh no/ });
});

t.test('a file that crashes before it asserts anything has failed', async (t) => {
  const outcome = await outcomeOf(t, `throw new Error('not today')`);
  t.match(outcome, { passed: 0, failures: [{ detail: 'asserted nothing' }], output: /not today/ });
});

t.test('a file that is only skipped is a failure in CI and nowhere else', async (t) => {
  const program = `console.log('TAP version 14\\n1..0 # SKIP needs Docker')`;
  const before = process.env.CI;
  t.teardown(() => (before === undefined ? delete process.env.CI : (process.env.CI = before)));
  process.env.CI = 'true';
  t.match(await outcomeOf(t, program), { skipped: 1, failures: [{ detail: /not accepted in CI/ }] });
  delete process.env.CI;
  t.match(await outcomeOf(t, program), { skipped: 1, failures: [] });
});

t.test('the report names what failed, and the last line counts it', async (t) => {
  const good: Outcome = { name: 'unit/a', passed: 3, skipped: 0, failures: [], output: 'unread', milliseconds: 1200 };
  const bad: Outcome = { name: 'unit/b', passed: 1, skipped: 2, failures: [{ name: 'x > y', detail: 'found: 1' }], output: 'a trace', milliseconds: 10 };
  const lines: string[] = [];
  reportOutcome(good, (line) => lines.push(line));
  t.match(lines.join('\n'), /^ok +unit\/a +3 passed +1\.2 s$/);
  reportOutcome(bad, (line) => lines.push(line));
  reportFailures('Failed:', [good, bad], (line) => lines.push(line));
  t.match(lines.join('\n'), /FAILED unit\/b[^]*x > y\n +found: 1[^]*a trace[^]*Failed:\n {2}unit\/b: x > y$/);
  t.notMatch(lines.join('\n'), 'unread');
  t.equal(summary([good]), '3 passed, 0 failed');
  t.equal(summary([good, bad]), '4 passed, 1 failed, 2 skipped');
});
