import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatBackup, writeBackup } from './backup.js';
import { keep } from './entry-table.js';
import type { Store } from './port.js';

const kept = 2;

/** The directory, in that of the state, in which netctld keeps copies of its own accord. */
export function copiesDirectory(state: string): string {
  return join(state, 'copies');
}

/** The newest copy that netctld made of a state, if there is one. */
export function newestCopy(state: string): string | undefined {
  const name = copiesIn(copiesDirectory(state)).at(-1);
  return name === undefined ? undefined : join(copiesDirectory(state), name);
}

/**
 * Makes a copy of the state, if it changed since the last one, and keeps the newest two: so there is a way out when it is damaged.
 * @returns the file, or undefined if nothing changed.
 * @throws NetctlError `unavailable` if it cannot be written.
 */
export async function copyState(store: Store, state: string, now: Date): Promise<string | undefined> {
  const directory = copiesDirectory(state);
  const { entries, revision } = await store.list('');
  // By its name the newest comes last. The time is part of it: after a restoration, revisions come again.
  const name = `${now.toISOString().replaceAll(':', '').slice(0, 21)}-revision-${revision}.jsonl`;
  const before = copiesIn(directory);
  if (before.at(-1)?.endsWith(`-revision-${revision}.jsonl`)) return undefined;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, name);
  writeBackup(path, formatBackup({ revision, entries: entries.map((entry) => [entry.key, keep(entry)] as const) }, now.toISOString()));
  for (const old of [...before, name].slice(0, -kept)) rmSync(join(directory, old), { force: true });
  return path;
}

function copiesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.jsonl')).sort();
  } catch {
    return [];
  }
}
