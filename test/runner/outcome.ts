/** One assertion that failed, or a reason why a file as a whole did. */
export interface Failure {
  readonly name: string;
  /** What is known about it, as lines for a person. */
  readonly detail: string;
}

/** What came of one test file, or of the linter. Numbers are of assertions. */
export interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
  /** What it printed that was not TAP: worth reading only when something failed. */
  readonly output: string;
  readonly milliseconds: number;
}

/** The last line of a run: `N passed, N failed`, and `, N skipped` if any were. */
export function summary(outcomes: readonly Outcome[]): string {
  const sum = (count: (outcome: Outcome) => number): number => outcomes.reduce((total, outcome) => total + count(outcome), 0);
  const skipped = sum((outcome) => outcome.skipped);
  const line = `${sum((outcome) => outcome.passed)} passed, ${sum((outcome) => outcome.failures.length)} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}
