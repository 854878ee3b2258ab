import type { StoreAddress } from './config/store-address.js';
import { etcdAccess, type StoreConfig } from './open-store.js';
import { conflict } from '../src/model/errors.js';
import { keys } from '../src/model/keys.js';
import type { TaskEnd } from './task-end.js';
import { lasting, type Backup } from './store/backup.js';
import { keep } from './store/entry-table.js';
import { EtcdLink } from './store/etcd-link.js';
import { EtcdKeys } from './store/etcd-requests.js';
import { readState, replaceState } from './store/etcd-state.js';
import type { Json } from './store/port.js';

/** A state in etcd that is read or replaced as a whole. */
export class EtcdPlace {
  readonly name: string;
  private readonly link: EtcdLink;
  private readonly keys: EtcdKeys;

  constructor(config: StoreConfig, store: Extract<StoreAddress, { kind: 'etcd' }>) {
    this.link = new EtcdLink(etcdAccess(config, store));
    this.keys = new EtcdKeys(config.etcdPrefix);
    this.name = `${this.link.name} below ${config.etcdPrefix}`;
  }

  /** `half`: a restoration of it did not end. @throws NetctlError */
  async read(): Promise<Backup | 'none' | 'half'> {
    try {
      const found = await readState(this.link, this.keys);
      return typeof found === 'string' ? found : { revision: found.revision, entries: found.entries.map((entry) => [entry.key, keep(entry)] as const) };
    } catch (error) {
      throw this.link.explained(error);
    }
  }

  /** Puts the entries in the place of all others, and reads them back. @throws NetctlError */
  async replace({ entries }: Pick<Backup, 'entries'>): Promise<void> {
    try {
      await replaceState(this.link, this.keys, entries.map(([key, { text, revision }]) => ({ key, value: JSON.parse(text) as Json, revision })));
    } catch (error) {
      throw this.link.explained(error);
    }
    const written = await this.read();
    if (typeof written === 'string' || !sameValues(written, { entries })) throw conflict(`what is in ${this.name} now is not what was written: somebody else writes there; see that no netctld runs, and repeat this`);
  }

  close(): void {
    this.link.close();
  }
}

/** The revisions are the store's own; all else must be the same. */
export function sameValues(one: Pick<Backup, 'entries'>, other: Pick<Backup, 'entries'>): boolean {
  return textOf(one) === textOf(other);
}

function textOf({ entries }: Pick<Backup, 'entries'>): string {
  return JSON.stringify(entries.map(([key, { text }]) => [key, text]).sort(([key], [otherKey]) => ((key ?? '') < (otherKey ?? '') ? -1 : 1)));
}

/** Whoever runs now would not notice that everything is another, or would write into it. */
export function refusalWhileInUse(name: string, state: Backup | 'none' | 'half'): TaskEnd | undefined {
  if (typeof state === 'string' || lasting(state).entries.length === state.entries.length) return undefined;
  const hosts = state.entries.flatMap(([key]) => (key.startsWith(keys.presences) ? [key.slice(keys.presences.length)] : []));
  return { print: `netctld: the state in ${name} is in use by the netctld of ${hosts.join(', ')}: stop it first, and wait as long as its lease lasts (10 s by default)`, exitCode: 3 };
}
