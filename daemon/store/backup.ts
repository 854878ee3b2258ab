import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { invalid, messageOf, unavailable } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { KeptEntry } from './level-format.js';
import { writeWhole } from './whole-file.js';

/** The version of a backup file. */
const version = 1;

/** A whole state at one revision. */
export interface Backup {
  readonly revision: number;
  readonly entries: readonly KeptEntry[];
}

/**
 * The text of a backup file: a line that says what it is, one JSON line for each entry, and last the SHA-256 of all lines before it.
 * @param time when it was made, as ISO 8601.
 */
export function formatBackup({ revision, entries }: Backup, time: string): string {
  const title = JSON.stringify({ netctl: 'backup', version, revision, entries: entries.length, time });
  const lines = entries.map(([key, { revision, text }]) => `{"key":${JSON.stringify(key)},"revision":${revision},"value":${text}}`);
  const body = [title, ...lines, ''].join('\n');
  return `${body}{"sha256":"${sha256(body)}"}\n`;
}

/** @throws Error that says what is wrong with the text; it must then not be restored. */
export function parseBackup(text: string): Backup {
  const end = text.lastIndexOf('\n{"sha256":') + 1;
  const body = text.slice(0, end);
  const [titleLine, ...lines] = body.split('\n').slice(0, -1);
  const title = titleOf(titleLine);
  if (text.slice(end) !== `{"sha256":"${sha256(body)}"}\n` || title.entries !== lines.length) throw new Error('it is cut off, or was changed');
  return { revision: title.revision, entries: lines.map(entryOf) };
}

/** @throws NetctlError `invalid` if the file cannot be read, or is not a whole backup. */
export async function readBackup(path: string): Promise<Backup> {
  try {
    return parseBackup(await readFile(path, 'utf8'));
  } catch (error) {
    throw invalid(`the backup ${path} cannot be used: ${messageOf(error)}`);
  }
}

/** Without what lives only as long as the process that wrote it: put by somebody else, it would stay. */
export function lasting(backup: Backup): Backup {
  return { ...backup, entries: backup.entries.filter(([key]) => !key.startsWith(keys.presences)) };
}

/**
 * Writes the file, durably, or leaves what was there.
 * @throws NetctlError `unavailable`.
 */
export function writeBackup(path: string, text: string): void {
  try {
    writeWhole(path, text);
  } catch (error) {
    throw unavailable(`the backup ${path} cannot be written: ${messageOf(error)}`, error);
  }
}

function titleOf(line: string | undefined): { revision: number; entries: number } {
  let title: unknown;
  try {
    title = JSON.parse(line ?? '');
  } catch {
    title = undefined;
  }
  const fields = typeof title === 'object' && title !== null ? (title as Readonly<Record<string, unknown>>) : {};
  if (fields['netctl'] !== 'backup') throw new Error('it is not a backup of netctl');
  if (fields['version'] !== version) throw new Error(`it has version ${String(fields['version'])} and this netctld knows version ${version}: use the newer netctld that wrote it`);
  return { revision: Number(fields['revision']), entries: Number(fields['entries']) };
}

function entryOf(line: string): KeptEntry {
  const { key, revision, value } = JSON.parse(line) as { key: string; revision: number; value: unknown };
  return [key, { revision, text: JSON.stringify(value) }];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
