import { readContentsInUse } from '../../../daemon/store/state-directory.js';

// Prints every key of the state in a directory. Its netctld may run.

const contents = await readContentsInUse(process.argv[2] ?? '');
for (const [key] of contents === 'empty' ? [] : contents.entries) process.stdout.write(`${key}\n`);
