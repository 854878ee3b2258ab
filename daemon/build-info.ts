import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VersionObject } from '../src/wire/objects.js';

/** What `make` leaves beside the compiled files: `dist/build-info.json`. */
interface BuildFile {
  readonly gitCommit?: string;
  readonly buildTime?: string;
}

/** The version from package.json; commit and time of the build if it wrote them down, else "unknown". */
export function readBuildInfo(): VersionObject {
  const here = dirname(fileURLToPath(import.meta.url));
  const { version } = readJson(findUpwards(here, 'package.json')) as { version: string };
  const file = join(here, '..', 'build-info.json');
  const build: BuildFile = existsSync(file) ? (readJson(file) as BuildFile) : {};
  return { version, gitCommit: build.gitCommit ?? 'unknown', buildTime: build.buildTime ?? 'unknown' };
}

function findUpwards(directory: string, name: string): string {
  const path = join(directory, name);
  if (existsSync(path)) return path;
  if (dirname(directory) === directory) throw new Error(`there is no ${name} above the program`);
  return findUpwards(dirname(directory), name);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
