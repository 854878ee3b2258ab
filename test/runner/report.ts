import type { Outcome } from './outcome.js';

/** Of what a failed file printed beside TAP, its end is the interesting part. */
const OUTPUT_LINES = 60;

/** One line per file that ended, and at once what failed in it. */
export function reportOutcome(outcome: Outcome, print: (text: string) => void): void {
  const mark = outcome.failures.length === 0 ? 'ok    ' : 'FAILED';
  const skipped = outcome.skipped === 0 ? '' : `, ${outcome.skipped} skipped`;
  print(`${mark} ${outcome.name.padEnd(44)} ${String(outcome.passed).padStart(6)} passed${skipped}  ${(outcome.milliseconds / 1000).toFixed(1)} s`);
  if (outcome.failures.length === 0) return;
  for (const failure of outcome.failures) {
    print(`       ${failure.name}`);
    print(indent(failure.detail));
  }
  const lines = outcome.output.trimEnd().split('\n');
  if (outcome.output.trim() !== '') print(`       it printed:\n${indent(lines.slice(-OUTPUT_LINES).join('\n'))}`);
}

/** The names of all that failed, once more at the end, where they are looked for. */
export function reportFailures(title: string, outcomes: readonly Outcome[], print: (text: string) => void): void {
  const failed = outcomes.filter((outcome) => outcome.failures.length > 0);
  if (failed.length > 0) print(`\n${title}`);
  for (const { name, failures } of failed) for (const failure of failures) print(`  ${name}: ${failure.name}`);
}

const indent = (text: string): string => text.replaceAll(/^/gm, '         ');
