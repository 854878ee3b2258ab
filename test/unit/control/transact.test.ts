import t from 'tap';
import { transact, type Pace } from '../../../daemon/control/transact.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import type { Store, Transaction } from '../../../daemon/store/port.js';

const increment: Transaction = { conditions: [], operations: [{ key: 'a', put: 1 }] };

/** A store in which others are faster so many times. */
function crowded(times: number): Store {
  const store = new MemoryStore();
  let left = times;
  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, revision, watcher) => store.watch(prefix, revision, watcher),
    close: () => store.close(),
    transact: (transaction) => (left-- > 0 ? Promise.resolve({ committed: false }) : store.transact(transaction)),
  };
}

/** Time passes only while somebody waits, and by what each attempt takes. */
class FakePace implements Pace {
  readonly waits: number[] = [];
  private clock = 0;

  constructor(
    private readonly chance: number,
    private readonly attemptMs: number,
  ) {}

  now(): number {
    return this.clock;
  }

  random(): number {
    this.clock += this.attemptMs;
    return this.chance;
  }

  wait(ms: number): Promise<void> {
    this.clock += ms;
    this.waits.push(ms);
    return Promise.resolve();
  }
}

t.test('the first attempts follow each other at once, then pauses grow', async (t) => {
  const seen: number[] = [];
  const pace = new FakePace(0.5, 0);
  t.equal(await transact(crowded(9), (conflicts) => (seen.push(conflicts), increment), pace), true);
  t.strictSame(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'the plan knows how often others were faster');
  t.strictSame(pace.waits, [3, 6, 12, 24, 48, 75, 75, 75]);
});

t.test('pauses differ by chance, by half of their length at most', async (t) => {
  const pauses = async (chance: number): Promise<number[]> => {
    const pace = new FakePace(chance, 0);
    await transact(crowded(4), () => increment, pace);
    return pace.waits;
  };
  t.strictSame(await pauses(0), [2, 4, 8]);
  t.strictSame(await pauses(0.999), [3.998, 7.996, 15.992]);
});

t.test('who is never fast enough is refused within seconds, and told why', async (t) => {
  for (const attemptMs of [0, 1, 500, 3999]) {
    const pace = new FakePace(0.5, attemptMs);
    await t.rejects(transact(crowded(1e6), () => increment, pace), { code: 'unavailable', message: /^nothing was changed: other hosts change the same all the time/ }, `${attemptMs} ms`);
    t.ok(pace.now() <= 4000 + 2 * attemptMs, `after ${pace.now()} ms`);
  }
});

t.test('a refusal holds nobody up, and nothing is planned twice at the same time', async (t) => {
  const store = new MemoryStore();
  let running = 0;
  const plan = (): Transaction => {
    t.equal(running++, 0);
    queueMicrotask(() => running--);
    return increment;
  };
  const refused = transact(store, () => {
    throw new Error('refused');
  });
  const done = [transact(store, plan), transact(store, plan), transact(store, () => undefined)];
  await t.rejects(refused, { message: 'refused' });
  t.strictSame(await Promise.all(done), [true, true, false]);
});
