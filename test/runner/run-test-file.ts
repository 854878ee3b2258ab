import type { Outcome } from './outcome.js';
import { run } from './process.js';
import type { TestFile } from './suites.js';
import { TapResults } from './tap-results.js';

const LIMIT_SECONDS = 1200;
/** tap's own limit is 30 s by default; just below ours, it still says which test hung, and lets it clean up. */
const TAP_SECONDS = LIMIT_SECONDS - 30;

/** Runs one test file and counts what it asserted. In CI a file that skips all it has is a failure: what it needs must be there. */
export async function runTestFile(file: TestFile, root: string): Promise<Outcome> {
  const tap = new TapResults();
  let errors = '';
  const { reason, milliseconds } = await run({
    command: commandFor(file),
    directory: root,
    limitSeconds: LIMIT_SECONDS,
    onOutput: (chunk) => tap.write(chunk),
    onError: (chunk) => (errors += chunk),
  });
  const fault = tap.end() ?? (tap.failures.length === 0 ? reason : undefined) ?? (process.env.CI && tap.onlySkipped ? 'was skipped, which is not accepted in CI' : undefined);
  const failures = fault === undefined ? tap.failures : [...tap.failures, { name: 'the file', detail: fault }];
  return { name: file.name, passed: tap.passed, skipped: tap.skipped, failures, output: tap.extra + errors, milliseconds };
}

function commandFor({ suite, script }: TestFile): [string, ...string[]] {
  const settings = ['CI', 'PATH'].map((name) => `${name}=${process.env[name] ?? ''}`);
  const command = ['env', ...settings, `TAP_TIMEOUT=${TAP_SECONDS}`, process.execPath, '--enable-source-maps', script] as const;
  return suite === 'unit' || process.getuid?.() === 0 ? [...command] : ['sudo', ...command];
}
