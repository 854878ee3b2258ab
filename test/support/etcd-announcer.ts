import { openEtcdStore } from '../../daemon/store/etcd.js';

// A process that announces itself, and lives until it is killed. Usage: etcd-announcer.js ENDPOINTS PREFIX KEY TTL

const [endpoints = '', prefix = '', key = '', ttl = ''] = process.argv.slice(2);
const store = await openEtcdStore({ endpoints: endpoints.split(',') }, { prefix });
await store.announce(key, { pid: process.pid }, Number(ttl));
process.stdout.write('announced\n');
