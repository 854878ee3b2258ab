import type { Outcome } from './outcome.js';
import { run } from './process.js';

const LIMIT_SECONDS = 600;

/** Has the compiler check types: the build does not. */
export function types(root: string): Promise<Outcome> {
  // With a note of its own: that of the build tells when something was compiled last.
  return check(root, 'types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--tsBuildInfoFile', '.build/types.tsbuildinfo']);
}

export function lint(root: string): Promise<Outcome> {
  return check(root, 'lint', ['node_modules/eslint/bin/eslint.js', '--max-warnings=0', '.']);
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
