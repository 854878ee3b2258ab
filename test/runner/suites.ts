import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The suites in the order they run: what fails fast first. All but unit make network namespaces, so they need root. */
export const SUITES = ['unit', 'contract', 'kernel', 'e2e'] as const;
export type Suite = (typeof SUITES)[number];

/**
 * How many files run at a time, on a machine with two cores or more. Each test has names, namespaces and processes of its own, so none is in the
 * way of another.
 */
export const atOnce = 2;

/** Files that promise something within a time while they need all the processors: they have the machine to themselves, at the end. */
export const alone: ReadonlySet<string> = new Set(['e2e/kills-traffic', 'e2e/rush']);

/** Files that wait most of their time, for pauses that netctld makes: a third one beside any two takes little from them. One of these runs at a time, from the beginning. */
export const calm: ReadonlySet<string> = new Set(['e2e/drift', 'e2e/faulty-nft', 'e2e/hosts-addresses', 'e2e/restarts']);

/** Files that take more than a minute, the longest first. They begin before the others of their suite: else the last of them would run with nothing beside it. */
export const long: readonly string[] = ['e2e/kills', 'e2e/vagrant', 'e2e/churn', 'e2e/fresh-machine', 'e2e/random', 'e2e/fuzz', 'e2e/hosts-failures', 'e2e/hosts-mtu', 'e2e/hosts-repair', 'e2e/ipv6', 'e2e/demo', 'e2e/install', 'e2e/bad-input'];

/** A file runs beside any others; or as the only one of those that mostly wait; or, when all others have ended, by itself. */
export type Company = 'any' | 'calm' | 'alone';

export interface TestFile {
  readonly suite: Suite;
  /** As a person names it, for instance `unit/model/address`. */
  readonly name: string;
  /** The compiled file. */
  readonly script: string;
  readonly company: Company;
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
    .map((path) => `${suite}/${path.slice(0, -'.test.ts'.length)}`)
    .sort((one, other) => placeOf(one) - placeOf(other) || (one < other ? -1 : 1))
    .map((name) => ({ suite, name, script: join(build, 'test', `${name}.test.js`), company: companyOf(name) }));
}

function companyOf(name: string): Company {
  if (alone.has(name)) return 'alone';
  return calm.has(name) ? 'calm' : 'any';
}

function placeOf(name: string): number {
  const place = long.indexOf(name);
  return place < 0 ? long.length : place;
}
