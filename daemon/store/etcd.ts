import { setTimeout as pause } from 'node:timers/promises';
import type { IRangeResponse, ITxnResponse } from 'etcd3';
import { messageOf, NetctlError, unavailable } from '../../src/model/errors.js';
import { ChangeLog } from './changes.js';
import type { ChangeLogOptions } from './changes.js';
import { EtcdAnnouncement } from './etcd-announcement.js';
import { failureOf } from './etcd-failure.js';
import { EtcdFeed, type Reach } from './etcd-feed.js';
import { EtcdLink, type EtcdAccess } from './etcd-link.js';
import { EtcdKeys, wroteAnything } from './etcd-requests.js';
import { beginState, listRange } from './etcd-state.js';
import type { Announcement, Entry, Json, Outcome, SharedStore, Transaction, Watch, Watcher } from './port.js';
import { checkTransaction } from './transaction.js';

export interface EtcdOptions extends ChangeLogOptions {
  /** Begins the keys of this store: several can share an etcd. It ends with a slash. */
  readonly prefix: string;
  /** Told when etcd does not answer, and when it does again. */
  readonly told?: (reach: Reach) => void;
  /** Ends the waiting for an etcd that does not answer at the start. */
  readonly signal?: AbortSignal;
}

/** How long a transaction waits, once it was carried out, until all watchers know of it, in milliseconds. */
const tellMs = 5000;
/** Between two attempts at the start, in milliseconds. */
const retryMs = 500;

/**
 * Opens the state in an etcd, and begins it if there is none. Waits for an etcd that does not answer.
 * @throws NetctlError `conflict` if the state is of a later version or not netctl's, `unavailable` if etcd refuses the login.
 */
export async function openEtcdStore(access: EtcdAccess, options: EtcdOptions): Promise<SharedStore> {
  const link = new EtcdLink(access);
  const keys = new EtcdKeys(options.prefix);
  try {
    const state = await whenItAnswers(link, () => beginState(link, keys), options);
    const log = new ChangeLog(state.revision, options);
    const feed = new EtcdFeed(link, keys, log, state, options.told ?? (() => undefined));
    feed.start();
    return new EtcdStore(link, keys, log, feed);
  } catch (error) {
    link.close();
    throw error;
  }
}

async function whenItAnswers<T>(link: EtcdLink, work: () => Promise<T>, { told, signal }: EtcdOptions): Promise<T> {
  const since = Date.now();
  for (let failed = false; ; failed = true) {
    try {
      const result = await work();
      if (failed) told?.({ is: 'back', awayMs: Date.now() - since });
      return result;
    } catch (error) {
      const refusal = link.explained(error);
      if (error instanceof NetctlError || failureOf(error).kind !== 'away') throw refusal;
      if (!failed) told?.({ is: 'away', reason: messageOf(refusal) });
      await pause(retryMs, undefined, signal ? { signal } : {}).catch(() => undefined);
      if (signal?.aborted) throw refusal;
    }
  }
}

/** The Store in etcd, which several hosts share. */
class EtcdStore implements SharedStore {
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #announcements = new Set<Announcement>();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly link: EtcdLink,
    private readonly keys: EtcdKeys,
    private readonly log: ChangeLog,
    private readonly feed: EtcdFeed,
  ) {}

  async get(key: string): Promise<Entry | undefined> {
    this.#checkOpen();
    const { kvs } = await this.link.call<IRangeResponse>('KV', 'range', { key: this.keys.of(key) }, { repeatable: true });
    return kvs[0] && this.keys.entryOf(kvs[0]);
  }

  async list(prefix: string): Promise<{ entries: readonly Entry[]; revision: number }> {
    this.#checkOpen();
    try {
      return await listRange(this.link, this.keys, this.keys.below(prefix));
    } catch (error) {
      throw this.link.explained(error);
    }
  }

  async transact(transaction: Transaction): Promise<Outcome> {
    checkTransaction(transaction);
    this.#checkOpen();
    return this.#counted(this.#carryOut(transaction));
  }

  watch(prefix: string, revision: number, watcher: Watcher): Watch {
    return this.log.watch(prefix, revision, watcher);
  }

  async announce(key: string, value: Json, ttlSeconds: number): Promise<Announcement> {
    this.#checkOpen();
    const announcement = new EtcdAnnouncement(this.link, (lease) => this.keys.marked({ request_put: { key: this.keys.of(key), value: Buffer.from(JSON.stringify(value)), lease } }, this.feed.mark), ttlSeconds);
    try {
      await this.feed.reach(await this.#counted(announcement.begin()), tellMs);
    } catch (error) {
      announcement.close();
      throw this.link.explained(error);
    }
    this.#announcements.add(announcement);
    return announcement;
  }

  /** Ends what it announced, as `Announcement.close` does, and waits for what is under way. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const announcement of this.#announcements) announcement.close();
    await Promise.allSettled(this.#underWay);
    this.log.close();
    await this.feed.close();
    this.link.close();
  }

  async #carryOut(transaction: Transaction): Promise<Outcome> {
    const { succeeded, header, responses } = await this.link.call<ITxnResponse>('KV', 'txn', this.keys.txn(transaction, this.feed.mark), { repeatable: false });
    if (!succeeded && !responses[0]?.response_txn.succeeded) {
      this.feed.doubt();
      throw unavailable(`nothing was changed, as the state in ${this.link.name} is another one than before: try again when netctld has read it`);
    }
    const revision = Number(header.revision);
    // Also who was too late must know what was faster before he plans anew: otherwise he plans the same again.
    if (!succeeded || wroteAnything(responses)) await this.feed.reach(revision, tellMs);
    return succeeded ? { committed: true, revision } : { committed: false };
  }

  async #counted<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw unavailable('the store is closed');
  }
}

