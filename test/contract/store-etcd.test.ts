import t from 'tap';
import { openEtcdStore } from '../../daemon/store/etcd.js';
import { startEtcd } from '../support/etcd.js';
import { testStore } from './store.js';

// The contract, kept by a real etcd. All stores of the suite are in one, below prefixes of their own.

t.setTimeout(120_000);
const endpoints = (await startEtcd(t)).map(({ endpoint }) => endpoint);
let count = 0;

testStore(t, (options) => openEtcdStore({ endpoints }, { prefix: `/contract-${count++}/`, ...options }));
