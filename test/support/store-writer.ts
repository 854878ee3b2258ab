import { writeSync } from 'node:fs';
import { openLevelStore } from '../../daemon/store/level.js';
import { operationsAt } from './store-history.js';

// Writes one transaction after another into the state of a directory, and says of each that it was acknowledged, until it is killed.

const store = await openLevelStore(process.argv[2] ?? '');
for (let { revision } = await store.list(''); ; ) {
  const outcome = await store.transact({ conditions: [], operations: operationsAt(revision + 1) });
  if (!outcome.committed) throw new Error('a transaction without conditions was refused');
  revision = outcome.revision;
  writeSync(1, `${revision}\n`);
}
