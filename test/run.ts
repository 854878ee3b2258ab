// Runs the checks of the sources and the tests, and ends with the line `N passed, N failed`. Selected by the environment, as `make test` passes it on:
// SUITE is one suite, FILE part of a path; with either, the checks are left out.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { lint } from './runner/checks.js';
import { summary, type Outcome } from './runner/outcome.js';
import { wasInterrupted } from './runner/process.js';
import { reportFailures, reportOutcome } from './runner/report.js';
import { runTestFile } from './runner/run-test-file.js';
import { atOnce, isSuite, selectTests, SUITES, type Company, type Suite, type TestFile } from './runner/suites.js';

const build = dirname(import.meta.dirname);
const root = projectRoot(build);
const outcomes: Outcome[] = [];
const failed: TestFile[] = [];
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

/** Runs the checks of the sources, if it is to, beside the tests; then, one by one, those tests that need the machine to themselves. */
async function runAll(files: readonly TestFile[], linted: boolean): Promise<void> {
  const workers = availableParallelism() > 1 ? atOnce : 1;
  const checks = linted ? [async () => note(await lint(root, build))] : [];
  const jobs = (...companies: Company[]): (() => Promise<void>)[] => files.filter(({ company }) => companies.includes(company)).map((file) => () => runFile(file));
  if (workers > 1) await Promise.all([work([...checks, ...jobs('any')], workers), work(jobs('calm'), 1)]);
  else await work([...checks, ...jobs('any', 'calm')], 1);
  await work(jobs('alone'), 1);
  // Nothing that fails in the suite unit has the excuse of the machine.
  const repeated = failed.filter(({ suite }) => suite !== 'unit');
  if (workers > 1 && repeated.length <= mostRepeated) await repeat(repeated);
}

async function runFile(file: TestFile): Promise<void> {
  const outcome = await runTestFile(file, root);
  note(outcome);
  if (outcome.failures.length > 0) failed.push(file);
}

/** Does the jobs in their order, so many at a time. */
async function work(jobs: readonly (() => Promise<void>)[], workers: number): Promise<void> {
  const queue = [...jobs];
  const worker = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined && !wasInterrupted(); job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: workers }, worker));
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
if (part === '') for (const [name, files] of tests) if (files.length === 0) note(missing(name));
if ([...tests.values()].every((files) => files.length === 0)) note(missing(`tests of ${part}`));
await runAll([...tests.values()].flat(), suite === undefined && part === '');
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
