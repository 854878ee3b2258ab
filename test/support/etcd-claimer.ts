import { transact } from '../../daemon/control/transact.js';
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

/** As controllers do it: planned from what is known, and planned anew when somebody else was faster. */
async function claim(): Promise<{ key: string; attempts: number }> {
  let [key, attempts] = ['', 0];
  await transact(store, () => {
    // A refusal without the news of who was faster would be followed by the same attempt.
    if (attempts++ > 0 && !taken.has(key)) throw new Error(`${key} was refused, and is not known to be taken`);
    let number = 0;
    while (taken.has(`numbers/${number}`)) number++;
    key = `numbers/${number}`;
    return { conditions: [{ key, is: 'absent' }], operations: [{ key, put: process.pid }] };
  });
  return { key, attempts };
}

const claimed = await Promise.all(Array.from({ length: Number(count) }, claim));
process.stdout.write(`${JSON.stringify(claimed)}\n`);
await store.close();
