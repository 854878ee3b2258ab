import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VersionObject } from '../src/wire/objects.js';

/** What this netctl was built from; `unknown` where the build left no note. */
export function clientVersion(): VersionObject {
  const here = dirname(fileURLToPath(import.meta.url));
  const { version = unknown } = readJson(nearest('package.json', here));
  const { gitCommit = unknown, buildTime = unknown } = readJson(join(here, '..', 'build-info.json'));
  return { version, gitCommit, buildTime };
}

const unknown = 'unknown';

/** The build may lie one directory below package.json, or deeper. */
function nearest(file: string, directory: string): string {
  const candidate = join(directory, file);
  const parent = dirname(directory);
  return existsSync(candidate) || parent === directory ? candidate : nearest(file, parent);
}

function readJson(path: string): Partial<VersionObject> {
  if (!existsSync(path)) return {};
  return JSON.parse(readFileSync(path, 'utf8')) as Partial<VersionObject>;
}
