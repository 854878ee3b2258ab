// packages.js loaded|licenses [DIRECTORY]: of the bundles in DIRECTORY (dist/bin), prints where the packages are that they load when they run, or the
// licences of those that are in them. To be run in the project's directory.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Metafile } from 'esbuild';
import { external, ownFiles } from './outside.js';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const [wanted = '', directory = 'dist/bin'] = process.argv.slice(2);

function metafiles(): Metafile[] {
  return ['netctl', 'netctld'].map((program) => JSON.parse(readFileSync(join(directory, `${program}.meta.json`), 'utf8')) as Metafile);
}

const read = (place: string): Package => JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as Package;

/** Where a package is that another one in `place` asks for: beside it, or further up. Undefined where it is not installed. */
function find(name: string, place: string): string | undefined {
  for (let above = place; ; above = dirname(above)) {
    const candidate = join(above, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (above === '.' || above === dirname(above)) return undefined;
  }
}

/** With all that they need. What is optional may be missing: it is for other machines. */
function withDependencies(names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const add = (name: string, from: string, optional: boolean): void => {
    const place = find(name, from);
    if (place === undefined && !optional) throw new Error(`${name} is not installed, but ${from} needs it`);
    if (place === undefined || found.has(place)) return;
    found.add(place);
    const { dependencies = {}, optionalDependencies = {} } = read(place);
    for (const needed of Object.keys(dependencies)) add(needed, place, needed in optionalDependencies);
    for (const needed of Object.keys(optionalDependencies)) add(needed, place, true);
  };
  for (const name of names) add(name, '.', true);
  return found;
}

function loaded(): string[] {
  const places = ownFiles.map((name) => find(name, '.') ?? name);
  return [...new Set([...places, ...withDependencies(external)])].sort();
}

function licenses(): string {
  const inputs = metafiles().flatMap((metafile) => Object.keys(metafile.inputs));
  const places = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  return [...places].sort().map(licenseOf).join('\n\n');
}

function licenseOf(place: string): string {
  const { name, version, license = 'unknown' } = read(place);
  const files = readdirSync(place).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  return [`==== ${name} ${version}: ${license}`, ...files.map((file) => readFileSync(join(place, file), 'utf8').trim())].join('\n\n');
}

const answers: Readonly<Record<string, () => string>> = { loaded: () => loaded().join('\n'), licenses };
const answer = answers[wanted];
if (answer === undefined) throw new Error('give loaded or licenses');
process.stdout.write(`${answer()}\n`);
