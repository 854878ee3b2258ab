// Runs the linter and the tests, and ends with the line `N passed, N failed`. Selected by the environment, as `make test` passes it on:
// SUITE is one suite, FILE part of a path; with either, the linter is left out.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { lint } from './runner/lint.js';
import { summary, type Outcome } from './runner/outcome.js';
import { wasInterrupted } from './runner/process.js';
import { reportFailures, reportOutcome } from './runner/report.js';
import { runTestFile } from './runner/run-test-file.js';
import { alone, atOnce, isSuite, selectTests, SUITES, type Suite, type TestFile } from './runner/suites.js';

const build = dirname(import.meta.dirname);
const root = projectRoot(build);
const outcomes: Outcome[] = [];
/** What failed beside another file, and then did not. */
const busy: Outcome[] = [];
/** More failures than this are no accident. */
const mostRepeated = 3;
const print = (text: string): void => console.log(text);

/** The build may lie at any depth below the sources. */
function projectRoot(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : projectRoot(dirname(directory));
}

function selectedSuite(): Suite | undefined {
  const name = process.env.SUITE ?? '';
  if (name === '' || isSuite(name)) return name === '' ? undefined : name;
  console.error(`SUITE is one of ${SUITES.join(', ')}, not ${name}`);
  process.exit(2);
}

function note(outcome: Outcome): void {
  outcomes.push(outcome);
  reportOutcome(outcome, print);
}

/** First those that can run side by side, then one by one those that cannot. */
async function runSuite(suite: Suite, files: TestFile[]): Promise<void> {
  const side = availableParallelism() > 1 ? atOnce[suite] : 1;
  const failed = await runFiles(files.filter(({ name }) => !alone.has(name)), side);
  await runFiles(files.filter(({ name }) => alone.has(name)), 1);
  if (side > 1 && suite !== 'unit' && failed.length <= mostRepeated) await repeat(failed);
}

/** @returns those that failed. */
async function runFiles(files: readonly TestFile[], workers: number): Promise<TestFile[]> {
  const [queue, failed]: [TestFile[], TestFile[]] = [[...files], []];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined && !wasInterrupted(); file = queue.shift()) {
      const outcome = await runTestFile(file, root);
      note(outcome);
      if (outcome.failures.length > 0) failed.push(file);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return failed;
}

/** What fails while another file has the processors fails if it fails by itself, too. Either way it is told. */
async function repeat(files: readonly TestFile[]): Promise<void> {
  for (const file of files) {
    if (wasInterrupted()) return;
    const outcome = await runTestFile(file, root);
    if (outcome.failures.length === 0) busy.push(...outcomes.splice(outcomes.findIndex(({ name }) => name === file.name), 1));
    note({ ...outcome, name: `${file.name}, by itself` });
  }
}

const suite = selectedSuite();
const part = process.env.FILE ?? '';
const tests = selectTests(root, build, { suite, part });
if (suite === undefined && part === '') note(await lint(root));
for (const [name, files] of tests) {
  if (files.length === 0 && part === '') note(missing(name));
  await runSuite(name, files);
}
if ([...tests.values()].every((files) => files.length === 0)) note(missing(`tests of ${part}`));
finish();

/** A suite without tests would pass unseen. */
function missing(name: string): Outcome {
  return { name, passed: 0, skipped: 0, failures: [{ name: 'no tests', detail: 'there is no such test file' }], output: '', milliseconds: 0 };
}

function finish(): void {
  reportFailures('Failed beside another file, but not by itself:', busy, print);
  reportFailures('Failed:', outcomes, print);
  const line = summary(outcomes);
  // For .ci/run: make prints its own error after this line when a test failed.
  mkdirSync(join(root, '.build'), { recursive: true });
  writeFileSync(join(root, '.build', 'summary'), `${line}\n`);
  print(`\n${line}`);
  process.exitCode = wasInterrupted() || outcomes.some((outcome) => outcome.failures.length > 0) ? 1 : 0;
}
