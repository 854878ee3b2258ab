import { randomUUID } from 'node:crypto';
import { CompareResult, CompareTarget, type IRangeResponse, type IRequestOp } from 'etcd3';
import { conflict, unavailable, type NetctlError } from '../../src/model/errors.js';
import { failureOf } from './etcd-failure.js';
import type { EtcdLink } from './etcd-link.js';
import { page, type EtcdKeys, type Range } from './etcd-requests.js';
import type { Entry } from './port.js';

// A whole state in etcd: whose it is, all that it holds, another one in its place.

/** The version of what is written. A state of a later version is left alone. */
export const formatVersion = 1;
const pageSize = 1000;
/** Operations in one transaction while a state is written; etcd takes 128, and 1.5 MiB. */
const batchSize = 100;
/** Deleting everything at once may take etcd some time, in milliseconds. */
const eraseMs = 30_000;

const again = { repeatable: true } as const;

/** What is below the prefix. `half`: a restoration of it did not end. */
export interface Look {
  readonly is: 'none' | 'half' | 'sound';
  /** What the state is known by; another one has another mark. */
  readonly mark: string;
  readonly revision: number;
  /** Which etcd it is in. */
  readonly cluster: string;
}

/**
 * Looks whose state it is, and marks one without keys as ours.
 * @throws NetctlError `conflict` if it is of a later version or another program's, `unavailable` if it is only half there; EtcdFailure.
 */
export async function beginState(link: EtcdLink, keys: EtcdKeys): Promise<Look> {
  for (;;) {
    const look = await lookAt(link, keys);
    if (look.is === 'sound') return look;
    if (look.is === 'half') throw halfThere(link, keys);
    // Of several hosts that begin it at once one does.
    const compare = [{ key: keys.format, target: CompareTarget.Create, result: CompareResult.Equal, create_revision: 0 }];
    await link.request('KV', 'txn', { compare, success: [{ request_put: { key: keys.format, value: Buffer.from(newMark()) } }] }, again);
  }
}

/** @throws NetctlError `conflict` if the state is of a later version or another program's; EtcdFailure. */
export async function lookAt(link: EtcdLink, keys: EtcdKeys): Promise<Look> {
  const { header, kvs } = await link.request<IRangeResponse>('KV', 'range', { key: keys.format }, again);
  const mark = kvs[0]?.value.toString();
  const is = mark === undefined ? await lookForOthers(link, keys) : readMark(link, keys, mark);
  return { is, mark: mark ?? '', revision: Number(header.revision), cluster: header.cluster_id };
}

export function halfThere(link: EtcdLink, keys: EtcdKeys): NetctlError {
  return unavailable(`the state in ${link.name} below ${keys.prefix} is only half there, as it is being restored or that was cut short: wait for its end, or repeat "netctld --restore FILE --force"`);
}

/** All entries, at one revision; `none`: there is no state, `half`: its restoration did not end. Nothing is changed. @throws as `lookAt` does. */
export async function readState(link: EtcdLink, keys: EtcdKeys): Promise<{ entries: readonly Entry[]; revision: number } | 'none' | 'half'> {
  const { is } = await lookAt(link, keys);
  return is === 'sound' ? listRange(link, keys, keys.data) : is;
}

/**
 * Puts these entries in the place of all others. While that is under way, and if it is cut short, nobody can open the state, and who has
 * it open cannot write.
 * @throws EtcdFailure
 */
export async function replaceState(link: EtcdLink, keys: EtcdKeys, entries: readonly Entry[]): Promise<void> {
  await putMark(link, keys, newMark({ restoring: true }));
  await link.request('KV', 'deleteRange', keys.data, { ...again, limitMs: eraseMs });
  for (let i = 0; i < entries.length; i += batchSize) {
    const success = entries.slice(i, i + batchSize).map(({ key, value }): IRequestOp => ({ request_put: { key: keys.of(key), value: Buffer.from(JSON.stringify(value)) } }));
    await link.request('KV', 'txn', { success }, again);
  }
  await putMark(link, keys, newMark());
}

/** Every entry of the range, in the order of keys, at one revision. @throws EtcdFailure */
export async function listRange(link: EtcdLink, keys: EtcdKeys, range: Range): Promise<{ entries: readonly Entry[]; revision: number }> {
  for (;;) {
    try {
      return await listPages(link, keys, range);
    } catch (error) {
      // Compacted between two pages: the next list is of a later revision.
      if (failureOf(error).kind !== 'compacted') throw error;
    }
  }
}

async function listPages(link: EtcdLink, keys: EtcdKeys, range: Range): Promise<{ entries: readonly Entry[]; revision: number }> {
  const entries: Entry[] = [];
  let after: { key: Buffer; revision: number } | undefined;
  for (;;) {
    const { header, kvs, more } = await link.request<IRangeResponse>('KV', 'range', page(range, pageSize, after), again);
    const revision: number = after?.revision ?? Number(header.revision);
    for (const kv of kvs) entries.push(keys.entryOf(kv));
    const last = kvs.at(-1);
    if (!more || !last) return { entries, revision };
    after = { key: last.key, revision };
  }
}

async function lookForOthers(link: EtcdLink, keys: EtcdKeys): Promise<'none'> {
  const { kvs } = await link.request<IRangeResponse>('KV', 'range', { ...keys.all, limit: 1, keys_only: true }, again);
  // Another host may have begun the state between the two looks.
  if (!kvs[0] || kvs[0].key.equals(keys.format)) return 'none';
  throw conflict(`${link.name} has keys below ${keys.prefix} that are not netctl's, for example ${kvs[0].key.toString()}: choose another --etcd-prefix`);
}

function readMark(link: EtcdLink, keys: EtcdKeys, text: string): 'half' | 'sound' {
  const { netctl, format, restoring } = parsed(text);
  if (netctl !== 'state' || typeof format !== 'number') throw conflict(`${link.name} has keys below ${keys.prefix} that are not netctl's: choose another --etcd-prefix`);
  if (format > formatVersion) {
    throw conflict(`the state in ${link.name} below ${keys.prefix} has format ${format} and this netctld knows formats up to ${formatVersion}: run the newer netctld that wrote it`);
  }
  return restoring === true ? 'half' : 'sound';
}

function parsed(text: string): { readonly netctl?: unknown; readonly format?: unknown; readonly restoring?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}

function newMark(more: object = {}): string {
  return JSON.stringify({ netctl: 'state', format: formatVersion, id: randomUUID(), ...more });
}

async function putMark(link: EtcdLink, keys: EtcdKeys, mark: string): Promise<void> {
  await link.request('KV', 'put', { key: keys.format, value: Buffer.from(mark) }, again);
}
