import { setTimeout as pause } from 'node:timers/promises';
import type { IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import { messageOf, unavailable } from '../../src/model/errors.js';
import type { ChangeLog } from './changes.js';
import { EtcdFailure, failureOf } from './etcd-failure.js';
import type { EtcdLink } from './etcd-link.js';
import type { EtcdKeys } from './etcd-requests.js';
import { halfThere, lookAt, type Look } from './etcd-state.js';
import type { Change } from './port.js';

/** What a store that is elsewhere tells of itself. */
export type Reach = { readonly is: 'away'; readonly reason: string } | { readonly is: 'back'; readonly awayMs: number };

/** How often etcd is asked to say something, and how long it may be silent, in milliseconds. */
const [askMs, silentMs] = [1000, 4000];
/** A change that is known to be there must be told in this time, or another stream is begun, in milliseconds. */
const tardyMs = 2000;
/** Between two attempts, in milliseconds. */
const [leastRestMs, mostRestMs] = [50, 1000];

/** Nothing is wrong with etcd, but the stream must be begun anew. */
class Anew extends Error {}

interface Waiter {
  readonly revision: number;
  done(): void;
}

/**
 * Follows all that changes in the store, through every interruption, and publishes each revision once and whole.
 *
 * etcd sends the changes of a revision in one message, and continues after the last one that was seen. Of what it says on its progress
 * only that it speaks is used: before 3.4.25 and 3.5.8 it tells of a progress beyond changes that it has yet to send.
 */
export class EtcdFeed {
  readonly #waiters = new Set<Waiter>();
  /** The last revision that is known. */
  #seen: number;
  readonly #end = new AbortController();
  /** Ends the stream that is followed now. */
  #interrupt: ((reason: Error) => void) | undefined;
  #awaySince: number | undefined;
  #running: Promise<void> | undefined;

  /**
   * @param state what was found at the beginning: what changes after that is told.
   */
  constructor(
    private readonly link: EtcdLink,
    private readonly keys: EtcdKeys,
    private readonly log: ChangeLog,
    private state: Look,
    private readonly told: (reach: Reach) => void,
  ) {
    this.#seen = state.revision;
  }

  /** The mark of the state that is followed. */
  get mark(): string {
    return this.state.mark;
  }

  /** The state may be another one: looks at it anew. */
  doubt(): void {
    this.#interrupt?.(new Anew());
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when all watchers were told of the revision, which must be one that changed something here. @throws NetctlError `unavailable` */
  async reach(revision: number, limitMs: number): Promise<void> {
    if (this.#seen >= revision) return;
    await new Promise<void>((resolve, reject) => {
      const tardy = setTimeout(() => this.doubt(), tardyMs);
      const late = setTimeout(() => finish(unavailable(`${this.link.name} carried it out and does not say so: look whether it was done, and repeat it if not`)), limitMs);
      const finish = (error?: Error): void => {
        clearTimeout(tardy);
        clearTimeout(late);
        this.#waiters.delete(waiter);
        if (error) reject(error);
        else resolve();
      };
      const waiter = { revision, done: finish };
      this.#waiters.add(waiter);
    });
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.doubt();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    let restMs = leastRestMs;
    while (!signal.aborted) {
      try {
        await this.#follow(() => (restMs = leastRestMs));
      } catch (error) {
        if (!signal.aborted && !(error instanceof Anew)) this.#isAway(error);
      }
      await pause(restMs, undefined, { signal }).catch(() => undefined);
      restMs = Math.min(restMs * 2, mostRestMs);
    }
  }

  /** Follows until something is wrong. @param begun called when etcd sends changes. */
  async #follow(begun: () => void): Promise<void> {
    await this.#look();
    const { stream, failed } = await this.link.stream<IWatchRequest, IWatchResponse>('Watch', 'watch');
    let heard = Date.now();
    const asking = setInterval(() => {
      if (Date.now() - heard < silentMs) stream.write({ progress_request: {} });
      else this.#interrupt?.(new EtcdFailure('away', `it is silent for ${silentMs} ms`, true));
    }, askMs);
    try {
      await new Promise<void>((_, reject) => {
        this.#interrupt = reject;
        if (this.#end.signal.aborted) reject(new Anew());
        stream.on('error', (error) => reject(failureOf(error)));
        stream.on('end', () => reject(new EtcdFailure('away', 'it ended the stream of changes', true)));
        stream.on('data', (response) => {
          heard = Date.now();
          // What comes after a message that could not be taken is left for the next stream, which begins with that message.
          if (this.#interrupt !== reject) return;
          try {
            this.#take(response);
          } catch (error) {
            this.#interrupt = undefined;
            return reject(error instanceof Error ? error : new Error(String(error)));
          }
          if (!response.created) return;
          begun();
          this.#isBack();
        });
        stream.write({ create_request: { ...this.keys.all, start_revision: this.#seen + 1 } });
      });
    } catch (error) {
      if (error instanceof EtcdFailure && error.kind === 'away') failed();
      throw error;
    } finally {
      clearInterval(asking);
      this.#interrupt = undefined;
      stream.cancel();
    }
  }

  /**
   * What was restored or made anew may know nothing of what was seen: then its revisions mean something else. One that is gone is not taken for one
   * that is empty, as all networks would be removed.
   */
  async #look(): Promise<void> {
    const { link, keys, state: before } = this;
    const look = await lookAt(link, keys);
    if (look.is === 'none') throw unavailable(`${link.name} has no state below ${keys.prefix} any more: restore a backup with "netctld --restore FILE"; what runs goes on, and netctld continues by itself then`);
    if (look.is === 'half') throw halfThere(link, keys);
    if (look.mark !== before.mark || look.cluster !== before.cluster) this.#lose(look.revision, `the state in ${link.name} was restored or made anew`);
    else if (look.revision < this.#seen) this.#lose(look.revision, `${link.name} went back from revision ${this.#seen} to ${look.revision}: it was restored`);
    this.state = look;
  }

  #take({ events, canceled, compact_revision, cancel_reason }: IWatchResponse): void {
    if (canceled) {
      const forgotten = Number(compact_revision);
      // Changes from the compacted revision on are still there. What was before it, nobody can tell.
      if (forgotten <= this.#seen) throw new EtcdFailure('other', cancel_reason || 'it ended the watch', true);
      this.#lose(forgotten, `${this.link.name} has forgotten what changed between the revisions ${this.#seen} and ${forgotten}`);
      throw new Anew();
    }
    let [changes, doubtful]: [Change[], boolean] = [[], false];
    for (const [i, event] of events.entries()) {
      const revision = Number(event.kv.mod_revision);
      // The state is being replaced or removed: what goes with it is not told as if users had deleted it.
      doubtful ||= event.kv.key.equals(this.keys.format);
      const change = this.#changeOf(event);
      if (change) changes.push(change);
      if (Number(events[i + 1]?.kv.mod_revision) === revision) continue;
      if (doubtful) throw new Anew();
      if (revision > this.#seen) this.#see(revision, changes);
      changes = [];
    }
  }

  #changeOf({ type, kv }: IEvent): Change | undefined {
    const key = this.keys.keyOf(kv.key);
    if (key === undefined) return undefined;
    // The library's types spell it otherwise than the protocol does.
    return type.toUpperCase() === 'DELETE' ? { key, delete: true } : { key, put: this.keys.entryOf(kv) };
  }

  #see(revision: number, changes: readonly Change[]): void {
    this.#seen = revision;
    if (changes.length > 0) this.log.publish({ revision, changes });
    this.#release();
  }

  #lose(revision: number, reason: string): void {
    this.#seen = revision;
    this.log.lose(revision, reason);
    this.#release();
  }

  #release(): void {
    for (const waiter of this.#waiters) if (waiter.revision <= this.#seen) waiter.done();
  }

  #isAway(error: unknown): void {
    if (this.#awaySince !== undefined) return;
    this.#awaySince = Date.now();
    this.told({ is: 'away', reason: messageOf(this.link.explained(error)) });
  }

  #isBack(): void {
    if (this.#awaySince === undefined) return;
    this.told({ is: 'back', awayMs: Date.now() - this.#awaySince });
    this.#awaySince = undefined;
  }
}
