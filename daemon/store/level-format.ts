import type { Level } from 'level';
import { messageOf } from '../../src/model/errors.js';
import { emptyDigest, formatDigest, parseDigest, withEntry, type Digest } from './digest.js';
import type { Kept } from './entry-table.js';
import type { Change, Json } from './port.js';
import type { Head } from './witness.js';

/**
 * The version of what is written to the disk. A later version reads the earlier ones and writes its own.
 * Version 1 had `meta/revision` in the place of `meta/head`, no digest and no witness.
 */
export const formatVersion = 2;
const versionKey = 'meta/version';
const headKey = 'meta/head';
const revisionKey = 'meta/revision';
const dataPrefix = 'data/';

export type KeptEntry = readonly [key: string, kept: Kept];

/** All that a state says, and what it says of itself. */
export interface Contents {
  readonly format: 1 | 2;
  readonly head: Head;
  readonly entries: readonly KeptEntry[];
}

/** What a database holds. `damaged`: it is not what was written; `entries` are those that can still be read. */
export type Reading =
  | { readonly is: 'empty' }
  | { readonly is: 'foreign' }
  | { readonly is: 'later'; readonly format: number }
  | { readonly is: 'damaged'; readonly problem: string; readonly entries: readonly KeptEntry[] }
  | { readonly is: 'sound'; readonly contents: Contents };

type Put = { readonly type: 'put'; readonly key: string; readonly value: string };
type Batch = (Put | { readonly type: 'del'; readonly key: string })[];

/** Reads every row, and compares them with what the database says of them. */
export async function readDatabase(database: Level): Promise<Reading> {
  const rows = await readRows(database).catch(() => undefined);
  return rows ? readingOf(rows) : readUntilFault(database);
}

/** How much LevelDB hands over at once: one row after the other takes longer than what is done with it. */
const [rowsAtOnce, octetsAtOnce] = [1000, 2 ** 20] as const;

async function readRows(database: Level): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  const iterator = database.iterator({ highWaterMarkBytes: octetsAtOnce });
  try {
    for (;;) {
      const some = await iterator.nextv(rowsAtOnce);
      if (some.length === 0) return rows;
      for (const [key, text] of some) rows.set(key, text);
    }
  } finally {
    await iterator.close();
  }
}

/** One by one: so all are found that come before what cannot be read. */
async function readUntilFault(database: Level): Promise<Reading> {
  const rows = new Map<string, string>();
  try {
    for await (const [key, text] of database.iterator()) rows.set(key, text);
  } catch (error) {
    return damaged(`it cannot be read beyond ${rows.size} rows: ${messageOf(error)}`, rows);
  }
  return readingOf(rows);
}

function readingOf(rows: ReadonlyMap<string, string>): Reading {
  const version = rows.get(versionKey);
  if (rows.size === 0) return { is: 'empty' };
  if (version === undefined) return { is: 'foreign' };
  if (Number.isSafeInteger(Number(version)) && Number(version) > formatVersion) return { is: 'later', format: Number(version) };
  if (version === '1') return readFirst(rows);
  if (version === '2') return readSecond(rows);
  return damaged(`its format is said to be "${version}"`, rows);
}

function readFirst(rows: ReadonlyMap<string, string>): Reading {
  const { entries, problem } = entriesOf(rows, [versionKey, revisionKey]);
  const revision = Number(rows.get(revisionKey) ?? NaN);
  if (problem !== undefined) return { is: 'damaged', problem, entries };
  if (!isRevision(revision)) return { is: 'damaged', problem: `its revision is said to be "${rows.get(revisionKey) ?? 'none'}"`, entries };
  return { is: 'sound', contents: { format: 1, head: { revision, digest: digestOf(entries) }, entries } };
}

function readSecond(rows: ReadonlyMap<string, string>): Reading {
  const head = parseHead(rows.get(headKey));
  const written = head && asWritten(rows, head);
  if (written) return { is: 'sound', contents: written };
  const { entries, problem } = entriesOf(rows, [versionKey, headKey]);
  if (problem !== undefined) return { is: 'damaged', problem, entries };
  if (head === undefined) return { is: 'damaged', problem: `its revision and digest are said to be "${rows.get(headKey) ?? 'none'}"`, entries };
  const digest = digestOf(entries);
  if (digest !== head.digest) {
    return { is: 'damaged', problem: `its ${entries.length} entries have the digest ${formatDigest(digest)}, and ${formatDigest(head.digest)} was written with revision ${head.revision}`, entries };
  }
  return { is: 'sound', contents: { format: 2, head, entries } };
}

/**
 * The contents, if the texts of the rows have the digest that was written with the head: then they are what was written, octet by octet, and need not
 * be taken apart to be believed. Undefined: something is the matter.
 */
function asWritten(rows: ReadonlyMap<string, string>, head: Head): Contents | undefined {
  const entries: KeptEntry[] = [];
  let digest = emptyDigest;
  for (const [row, text] of rows) {
    if (row === versionKey || row === headKey) continue;
    const match = row.startsWith(dataPrefix) ? storedForm.exec(text) : null;
    if (match?.[1] === undefined || match[2] === undefined) return undefined;
    const key = row.slice(dataPrefix.length);
    digest = withEntry(digest, key, text);
    entries.push([key, { revision: Number(match[1]), text: match[2] }]);
  }
  return digest === head.digest ? { format: 2, head, entries } : undefined;
}

/** What is put into an empty database. */
export function contentsBatch({ head, entries }: Omit<Contents, 'format'>): Batch {
  return [put(versionKey, String(formatVersion)), putHead(head), ...entries.map(([key, kept]) => put(dataPrefix + key, storedText(kept)))];
}

/** What makes version 2 of version 1. */
export function upgradeBatch(head: Head): Batch {
  return [put(versionKey, String(formatVersion)), putHead(head), { type: 'del', key: revisionKey }];
}

/** What a transaction writes: the head goes with the data, in one batch. */
export function changesBatch(head: Head, changes: readonly Change[]): Batch {
  const rows = changes.map((change) => {
    const key = dataPrefix + change.key;
    if ('delete' in change) return { type: 'del', key } as const;
    return put(key, storedText({ revision: change.put.revision, text: JSON.stringify(change.put.value) }));
  });
  return [putHead(head), ...rows];
}

/** How an entry is written under `data/KEY`, and what its hash is made of. */
export function storedText({ revision, text }: Kept): string {
  return `{"revision":${revision},"value":${text}}`;
}

export function digestOf(entries: readonly KeptEntry[]): Digest {
  return entries.reduce((digest, [key, kept]) => withEntry(digest, key, storedText(kept)), emptyDigest);
}

function putHead({ revision, digest }: Head): Put {
  return put(headKey, JSON.stringify({ revision, digest: formatDigest(digest) }));
}

function put(key: string, value: string): Put {
  return { type: 'put', key, value };
}

function parseHead(text: string | undefined): Head | undefined {
  const match = /^\{"revision":(\d{1,15}),"digest":"([0-9a-f]{32})"\}$/.exec(text ?? '');
  const digest = parseDigest(match?.[2] ?? '');
  return digest === undefined ? undefined : { revision: Number(match?.[1]), digest };
}

function isRevision(revision: number): boolean {
  return Number.isSafeInteger(revision) && revision >= 0;
}

function damaged(problem: string, rows: ReadonlyMap<string, string>): Reading {
  return { is: 'damaged', problem, entries: entriesOf(rows, [versionKey, headKey, revisionKey]).entries };
}

/** The entries that can be understood, and what is wrong with the first that cannot. */
function entriesOf(rows: ReadonlyMap<string, string>, meta: readonly string[]): { entries: KeptEntry[]; problem?: string } {
  const entries: KeptEntry[] = [];
  let problem: string | undefined;
  for (const [row, text] of rows) {
    if (meta.includes(row)) continue;
    const kept = row.startsWith(dataPrefix) ? parseStored(text) : undefined;
    if (kept) entries.push([row.slice(dataPrefix.length), kept]);
    else problem ??= row.startsWith(dataPrefix) ? `the entry "${row.slice(dataPrefix.length)}" is not as it was written` : `it has the unknown key "${row}"`;
  }
  return problem === undefined ? { entries } : { entries, problem };
}

const storedForm = /^\{"revision":(\d{1,15}),"value":(.*)\}$/s;

function parseStored(text: string): Kept | undefined {
  const match = storedForm.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  try {
    // As it will be written again: what is hashed then must be what was hashed before.
    return { revision: Number(match[1]), text: JSON.stringify(JSON.parse(match[2]) as Json) };
  } catch {
    return undefined;
  }
}
