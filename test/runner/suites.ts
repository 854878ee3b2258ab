import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The suites in the order they run: what fails fast first. All but unit make network namespaces, so they need root. */
export const SUITES = ['unit', 'contract', 'kernel', 'e2e'] as const;
export type Suite = (typeof SUITES)[number];

/**
 * How many files of a suite run at a time, on a machine with two cores or more. Tests of labs wait more than they work; each has names,
 * namespaces and processes of its own, so none is in the way of another.
 */
export const atOnce: Readonly<Record<Suite, number>> = { unit: 2, contract: 2, kernel: 2, e2e: 2 };

/** Files that promise something within a time, or measure the processor: they have the machine to themselves. */
export const alone: ReadonlySet<string> = new Set(['e2e/drift', 'e2e/faulty-nft', 'e2e/kills', 'e2e/kills-traffic', 'e2e/rush']);

export interface TestFile {
  readonly suite: Suite;
  /** As a person names it, for instance `unit/model/address`. */
  readonly name: string;
  /** The compiled file. */
  readonly script: string;
}

export interface Selection {
  /** One suite, or all if undefined. */
  readonly suite: Suite | undefined;
  /** Part of a file's path; empty takes every file. */
  readonly part: string;
}

export const isSuite = (text: string): text is Suite => (SUITES as readonly string[]).includes(text);

/**
 * The test files of the selection, by suite. They are found by their sources: what an earlier build left behind is not run.
 * @param root the project's directory
 * @param build the directory that the running build is in
 */
export function selectTests(root: string, build: string, { suite, part }: Selection): Map<Suite, TestFile[]> {
  const wanted = part.replace(/^.*\btest\//, '').replace(/(\.test)?\.[jt]s$/, '');
  const chosen = SUITES.filter((candidate) => suite === undefined || candidate === suite);
  return new Map(chosen.map((name) => [name, filesOf(root, build, name).filter((file) => file.name.includes(wanted))]));
}

function filesOf(root: string, build: string, suite: Suite): TestFile[] {
  return readdirSync(join(root, 'test', suite), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
    .map((path) => {
      const name = `${suite}/${path.slice(0, -'.test.ts'.length)}`;
      return { suite, name, script: join(build, 'test', `${name}.test.js`) };
    });
}
