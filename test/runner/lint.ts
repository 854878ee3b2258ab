import type { Outcome } from './outcome.js';
import { run } from './process.js';

const LIMIT_SECONDS = 600;

/** Runs the linter over the project. It counts as one assertion: there is nothing that breaks a rule. */
export async function lint(root: string): Promise<Outcome> {
  let output = '';
  const keep = (chunk: string): void => void (output += chunk);
  const command = [process.execPath, 'node_modules/eslint/bin/eslint.js', '--max-warnings=0', '.'] as const;
  const { reason, milliseconds } = await run({ command, directory: root, limitSeconds: LIMIT_SECONDS, onOutput: keep, onError: keep });
  const failures = reason === undefined ? [] : [{ name: 'eslint', detail: reason }];
  return { name: 'lint', passed: reason === undefined ? 1 : 0, skipped: 0, failures, output, milliseconds };
}
