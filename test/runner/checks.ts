import { join } from 'node:path';
import type { Outcome } from './outcome.js';
import { run } from './process.js';

const LIMIT_SECONDS = 600;

/** How much may be new before the collector looks at it, in MiB: the compiler makes much that stays, and with the usual 16 it takes a tenth longer. */
const YOUNG_MEBIBYTES = 128;

/** Has types and the rules of the linter checked: the build looks at neither. */
export function lint(root: string, build: string): Promise<Outcome> {
  return check(root, 'types, lint', [`--max-semi-space-size=${YOUNG_MEBIBYTES}`, '--enable-source-maps', join(build, 'test/lint.js')]);
}

/** Runs a program of Node's over the project. It counts as one assertion: there is nothing that breaks a rule. */
async function check(root: string, name: string, program: readonly string[]): Promise<Outcome> {
  let output = '';
  const keep = (chunk: string): void => void (output += chunk);
  const command = [process.execPath, ...program] as const;
  const { reason, milliseconds } = await run({ command, directory: root, limitSeconds: LIMIT_SECONDS, onOutput: keep, onError: keep });
  const failures = reason === undefined ? [] : [{ name, detail: reason }];
  return { name, passed: reason === undefined ? 1 : 0, skipped: 0, failures, output, milliseconds };
}
