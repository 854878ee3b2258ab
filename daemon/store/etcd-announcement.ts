import { setTimeout as pause } from 'node:timers/promises';
import type { ILeaseGrantResponse, ILeaseKeepAliveResponse, ITxnRequest, ITxnResponse } from 'etcd3';
import { unavailable } from '../../src/model/errors.js';
import { failureOf } from './etcd-failure.js';
import type { EtcdLink } from './etcd-link.js';
import type { Announcement } from './port.js';

/** Between two attempts while etcd is away, in milliseconds. */
const restMs = 500;

/** An entry under a lease of etcd's, which is renewed three times in its life, and taken anew when it was lost. */
export class EtcdAnnouncement implements Announcement {
  readonly #end = new AbortController();
  #lease = '';

  constructor(
    private readonly link: EtcdLink,
    /** What puts the entry under the lease. */
    private readonly put: (lease: string) => ITxnRequest,
    private readonly ttlSeconds: number,
  ) {}

  /** @returns the revision at which the entry was put. @throws EtcdFailure, NetctlError */
  async begin(): Promise<number> {
    const revision = await this.#put();
    void this.#renew();
    return revision;
  }

  close(): void {
    this.#end.abort();
  }

  async #put(): Promise<number> {
    const { ID } = await this.link.request<ILeaseGrantResponse>('Lease', 'leaseGrant', { TTL: this.ttlSeconds }, { repeatable: true });
    const { header, succeeded } = await this.link.request<ITxnResponse>('KV', 'txn', this.put(ID), { repeatable: true });
    if (!succeeded) throw unavailable(`nothing was announced, as the state in ${this.link.name} is another one than before`);
    this.#lease = ID;
    return Number(header.revision);
  }

  async #renew(): Promise<void> {
    const { signal } = this.#end;
    const periodMs = (this.ttlSeconds * 1000) / 3;
    let waitMs = periodMs;
    for (;;) {
      await pause(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        if (!(await this.#keepAlive(periodMs))) await this.#put();
        waitMs = periodMs;
      } catch {
        // The feed of the store tells that etcd is away; the next attempt is near.
        waitMs = Math.min(restMs, periodMs);
      }
    }
  }

  /** Whether the lease still was there. */
  async #keepAlive(periodMs: number): Promise<boolean> {
    try {
      const { TTL } = await this.link.exchange<ILeaseKeepAliveResponse>('Lease', 'leaseKeepAlive', { ID: this.#lease }, { repeatable: true, limitMs: Math.max(1000, periodMs) });
      return Number(TTL) > 0;
    } catch (error) {
      if (failureOf(error).kind === 'no-lease') return false;
      throw error;
    }
  }
}
