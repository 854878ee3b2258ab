import { inspect } from 'node:util';
import { Parser, type FinalResults, type Result } from 'tap-parser';
import type { Failure } from './outcome.js';

/** What is noise in a failure: the source is on disk, the rest is said elsewhere. */
const UNSAID = new Set(['source', 'compare', 'tapCaught', 'type']);

/** Counts the assertions in a TAP stream. Subtests are not counted, only what is asserted in them. */
export class TapResults {
  passed = 0;
  skipped = 0;
  readonly failures: Failure[] = [];
  /** Lines that are not TAP. */
  extra = '';
  private final: FinalResults | undefined;
  private readonly parser = new Parser((final) => (this.final = final));

  constructor() {
    this.parser.on('pass', () => (this.passed += 1));
    this.parser.on('skip', () => (this.skipped += 1));
    // An assertion that is only planned asserts nothing: the house has none of these.
    this.parser.on('todo', (result: Result) => this.failures.push({ name: result.fullname, detail: 'is marked as todo' }));
    this.parser.on('fail', (result: Result) => this.failures.push({ name: result.fullname, detail: describe(result.diag) }));
    this.parser.on('extra', (line: string) => (this.extra += line));
  }

  write(chunk: string): void {
    this.parser.write(chunk);
  }

  /** Ends the stream; why the file as a whole counts as failed, if it does although no assertion says so. */
  end(): string | undefined {
    this.parser.end();
    // `1..0 # why` skips a whole file; for a file that printed nothing the parser makes such a plan up.
    if (this.final?.plan.skipAll && this.final.plan.comment !== '' && !this.parser.syntheticPlan) this.skipped += 1;
    if (this.final?.bailout) return `bailed out: ${String(this.final.bailout)}`;
    if (this.passed + this.failures.length + this.skipped === 0) return 'asserted nothing';
    return this.final?.ok === false && this.failures.length === 0 ? 'is not whole TAP: a plan was not kept' : undefined;
  }

  /** Whether it only said that it was skipped. */
  get onlySkipped(): boolean {
    return this.passed + this.failures.length === 0 && this.skipped > 0;
  }
}

function describe(diagnostics: unknown): string {
  if (diagnostics === null || typeof diagnostics !== 'object') return '';
  return Object.entries(diagnostics)
    .filter(([key]) => !UNSAID.has(key))
    .map(([key, value]) => `${key}: ${typeof value === 'string' ? value.trimEnd() : inspect(value, { depth: 6, breakLength: 120 })}`)
    .join('\n');
}
