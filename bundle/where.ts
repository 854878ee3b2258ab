// where.js [DIRECTORY] <LOG: prints what it reads, and where places in a bundle are told, as in stacks, the places in the sources instead. The bundles in
// DIRECTORY (dist/bin) must be of the commit that wrote the log; a bundle is the same for the same sources.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { isAbsolute, join, relative, resolve } from 'node:path';

const directory = process.argv[2] ?? 'dist/bin';
const maps = new Map<string, SourceMap>();

function mapOf(bundle: string): SourceMap {
  const known = maps.get(bundle);
  if (known !== undefined) return known;
  const map = new SourceMap(JSON.parse(readFileSync(join(directory, `${bundle}.map`), 'utf8')) as ConstructorParameters<typeof SourceMap>[0]);
  maps.set(bundle, map);
  return map;
}

/** Lines and columns of stacks count from one, those of maps from zero. */
function source(place: string, bundle: string, line: string, column: string): string {
  const entry = mapOf(bundle).findEntry(Number(line) - 1, Number(column) - 1);
  if (!('originalSource' in entry)) return place;
  const file = isAbsolute(entry.originalSource) ? entry.originalSource : resolve(directory, entry.originalSource);
  return `${relative('.', file)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

const text = readFileSync(0, 'utf8');
process.stdout.write(text.replaceAll(/[^\s()"]*?(netctld?\.bundle\.cjs):(\d+):(\d+)/g, source));
