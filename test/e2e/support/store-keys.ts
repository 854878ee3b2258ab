import { openLevelStore } from '../../../daemon/store/level.js';

// Prints every key of the state in a directory. Its netctld must not run.

const store = await openLevelStore(process.argv[2] ?? '');
for (const { key } of (await store.list('')).entries) process.stdout.write(`${key}\n`);
await store.close();
