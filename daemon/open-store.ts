import { readFileSync } from 'node:fs';
import { invalid, messageOf } from '../src/model/errors.js';
import type { Config } from './config.js';
import type { StoreAddress } from './config/store-address.js';
import type { EtcdAccess } from './store/etcd-link.js';
import { openLevelStore } from './store/level.js';
import type { SharedStore, Store } from './store/port.js';

export type StoreConfig = Pick<Config, 'state' | 'store' | 'etcdCa' | 'etcdCert' | 'etcdKey' | 'etcdUser' | 'etcdPasswordFile' | 'etcdPrefix'>;

/** What is told while a store is open that is elsewhere. */
export interface StoreListener {
  /** How many entries there are, before anybody gets to see them; of etcd it is not told. */
  readonly found?: (entries: number) => void;
  /** A watcher failed, which is a bug. */
  readonly report: (error: unknown) => void;
  readonly away: (reason: string) => void;
  readonly back: (awayMs: number) => void;
}

/** Opens the store that the configuration names. What etcd needs is loaded only for it. */
export async function openStore(config: StoreConfig, { found, report, away, back }: StoreListener): Promise<Store | SharedStore> {
  const { store, state, etcdPrefix: prefix } = config;
  if (store.kind === 'embedded') return openLevelStore(state, { report, ...(found ? { found } : {}) });
  const access = etcdAccess(config, store);
  const { openEtcdStore } = await import('./store/etcd.js');
  return openEtcdStore(access, { prefix, report, told: (reach) => (reach.is === 'away' ? away(reach.reason) : back(reach.awayMs)) });
}

/** @throws NetctlError `invalid` for a file that cannot be read. */
export function etcdAccess({ etcdCa, etcdCert, etcdKey, etcdUser, etcdPasswordFile }: StoreConfig, { endpoints }: Extract<StoreAddress, { kind: 'etcd' }>): EtcdAccess {
  return {
    endpoints,
    tls: etcdCa === undefined ? undefined : { ca: read('etcd-ca', etcdCa), cert: etcdCert === undefined ? undefined : read('etcd-cert', etcdCert), key: etcdKey === undefined ? undefined : read('etcd-key', etcdKey) },
    // Editors end the last line of a file, and passwords have no end of a line in them.
    user: etcdUser === undefined || etcdPasswordFile === undefined ? undefined : { name: etcdUser, password: read('etcd-password-file', etcdPasswordFile).toString().replace(/\r?\n$/, '') },
  };
}

function read(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw invalid(`${flag} is ${file}, which cannot be read: ${messageOf(error)}`);
  }
}
