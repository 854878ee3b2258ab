import { conflict, notFound } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { Network } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Tenant } from '../../src/model/tenant.js';
import type { Store } from '../store/port.js';
import type { Hosts } from './hosts.js';
import type { Logger } from './logger.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { combine, transact, when, write, type Fragment } from './transact.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly hosts: Pick<Hosts, 'areShared' | 'isPresent'>;
  readonly host: string;
  readonly log: Logger;
}

type Markable = Network | Tenant;

/** The marks in networks and tenants that say that a host is deleting them. Objects are named by their keys in the store. */
export class DeletionMarks {
  /** What this process is at work on. */
  private readonly current = new Set<string>();

  constructor(private readonly parts: Parts) {}

  /**
   * Nothing new uses the object while the work, which deletes it in the end, is under way. If the work fails, all is as before.
   * @param what the object, as in `network n1`, for the refusal
   * @throws NetctlError `conflict` if it is being deleted already; or what the work throws.
   */
  async during(key: string, what: string, work: () => Promise<void>): Promise<void> {
    if (this.current.has(key)) throw conflict(`${what} is just being deleted; try again in a moment`);
    this.current.add(key);
    try {
      await this.set(key, what);
      await work().catch(async (error: unknown) => {
        await this.takeBack(key).catch((err: unknown) => this.parts.log.warn({ event: 'deletion-not-undone', object: key, err }, 'the mark of a deletion that failed is still there; it is taken away soon'));
        throw error;
      });
    } finally {
      this.current.delete(key);
    }
  }

  /** Whether this host is the one that deletes the object: its mark is there, and nobody has taken it back. */
  isOwn(key: string): boolean {
    return this.find(key)?.value.deleting?.host === this.parts.host;
  }

  /** The host that deletes the object, if it is another one. */
  byOther(key: string): string | undefined {
    const host = this.find(key)?.value.deleting?.host;
    return host === this.parts.host ? undefined : host;
  }

  /** Tells the host that deletes the object that this one cannot follow. */
  async refuse(key: string, reason: string): Promise<void> {
    const { store, host } = this.parts;
    await transact(store, () => {
      const stored = this.find(key);
      const deleting = stored?.value.deleting;
      if (!stored || !deleting || deleting.refused || this.byOther(key) === undefined) return undefined;
      return plan(key, stored, { ...stored.value, deleting: { ...deleting, refused: { host, reason } } });
    });
  }

  /** Ends deletions that nobody is at work on any more: whoever was has crashed, or is away. What was to be deleted stays. */
  async takeBackAbandoned(): Promise<void> {
    const { state, store, log } = this.parts;
    const marked = [...state.networks.values().map(({ tenant, name, deleting }) => ({ key: keys.network(tenant, name), deleting })), ...state.tenants.values().map(({ name, deleting }) => ({ key: keys.tenant(name), deleting }))];
    for (const { key } of marked.filter(({ deleting }) => deleting !== undefined)) {
      const taken = await transact(store, () => {
        const stored = this.find(key);
        return stored && this.isAbandoned(key, stored.value) ? plan(key, stored, without(stored.value)) : undefined;
      });
      if (taken) log.warn({ event: 'deletion-taken-back', object: key }, 'a deletion was interrupted; what was to be deleted stays');
    }
  }

  private async set(key: string, what: string): Promise<void> {
    const { store, host } = this.parts;
    await transact(store, () => {
      const stored = this.find(key);
      if (!stored) throw notFound(`${what} is not there any more`);
      const other = this.byOther(key);
      if (other !== undefined && !this.isAbandoned(key, stored.value)) throw conflict(`${what} is just being deleted on host ${other}; try again in a moment`);
      return plan(key, stored, { ...stored.value, deleting: { host } });
    });
  }

  private async takeBack(key: string): Promise<void> {
    await transact(this.parts.store, () => {
      const stored = this.find(key);
      return stored && this.isOwn(key) ? plan(key, stored, without(stored.value)) : undefined;
    });
  }

  private isAbandoned(key: string, { deleting }: Markable): boolean {
    const { host, hosts } = this.parts;
    if (!deleting) return false;
    if (deleting.host === host) return !this.current.has(key);
    return deleting.host === undefined || !hosts.areShared || !hosts.isPresent(deleting.host);
  }

  private find(key: string): Stored<Markable> | undefined {
    const { networks, tenants } = this.parts.state;
    return networks.get(key) ?? tenants.get(key);
  }
}

function plan(key: string, { revision }: Stored<Markable>, value: Markable): Fragment {
  return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored(value) }));
}

function without({ deleting: _, ...object }: Markable): Markable {
  return object;
}
