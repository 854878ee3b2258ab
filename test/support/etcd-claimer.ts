import { openEtcdStore } from '../../daemon/store/etcd.js';

// A process that creates so many entries at once, each under the lowest number that it believes to be free. It prints what it got. Usage: etcd-claimer.js ENDPOINTS PREFIX COUNT

const [endpoints = '', prefix = '', count = ''] = process.argv.slice(2);
const store = await openEtcdStore({ endpoints: endpoints.split(',') }, { prefix });
const taken = new Set<string>();
const { entries, revision } = await store.list('numbers/');
for (const { key } of entries) taken.add(key);
store.watch('numbers/', revision, {
  changed: ({ changes }) => changes.forEach(({ key }) => taken.add(key)),
  lost: (reason) => {
    throw new Error(reason);
  },
});

async function claim(): Promise<{ key: string; attempts: number }> {
  for (let attempts = 1; ; attempts++) {
    let number = 0;
    while (taken.has(`numbers/${number}`)) number++;
    const key = `numbers/${number}`;
    const { committed } = await store.transact({ conditions: [{ key, is: 'absent' }], operations: [{ key, put: process.pid }] });
    if (committed) return { key, attempts };
    // A refusal without the news of who was faster would be followed by the same attempt.
    if (!taken.has(key)) throw new Error(`${key} was refused, and is not known to be taken`);
  }
}

const claimed = await Promise.all(Array.from({ length: Number(count) }, claim));
process.stdout.write(`${JSON.stringify(claimed)}\n`);
await store.close();
