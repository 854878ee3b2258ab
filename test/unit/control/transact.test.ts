import t from 'tap';
import { transact, type Pace } from '../../../daemon/control/transact.js';
import { unavailable } from '../../../src/model/errors.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import type { Outcome, Store, Transaction } from '../../../daemon/store/port.js';

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

/** A store that is answered for by `answer`, which is told how many were sent before. */
function answering(pace: FakePace, tookMs: number, answer: (sent: number) => Outcome | Error): { store: Store; sent: () => number } {
  const memory = new MemoryStore();
  let sent = 0;
  const store: Store = {
    get: (key) => memory.get(key),
    list: (prefix) => memory.list(prefix),
    watch: (prefix, revision, watcher) => memory.watch(prefix, revision, watcher),
    close: () => memory.close(),
    transact: async () => {
      const outcome = answer(sent++);
      await pace.wait(tookMs);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  };
  return { store, sent: () => sent };
}

t.test('a hundred that find no store are refused as soon as two of them are', async (t) => {
  const pace = new FakePace(0.5, 0);
  const { store, sent } = answering(pace, 2000, () => unavailable('etcd does not answer'));
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => transact(store, () => increment, pace)));
  t.strictSame(new Set(all.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error).message : 'done'))), new Set(['etcd does not answer']));
  t.equal(sent(), 2);
  await t.rejects(transact(store, () => increment, pace), { message: 'etcd does not answer' });
  t.equal(sent(), 3, 'who comes later looks for himself');
  t.equal(await transact(store, () => undefined, pace), false, 'who has nothing to write needs no store');
});

t.test('one that was lost with a member of etcd says nothing to the others', async (t) => {
  const pace = new FakePace(0.5, 0);
  const { store, sent } = answering(pace, 500, (sent) => (sent % 2 === 0 ? unavailable('etcd does not answer') : { committed: true, revision: sent }));
  const all = await Promise.allSettled(Array.from({ length: 10 }, () => transact(store, () => increment, pace)));
  t.equal(all.filter(({ status }) => status === 'fulfilled').length, 5);
  t.equal(sent(), 10);
});

t.test('whose turn does not come for seconds is refused, and nothing of his is written later', async (t) => {
  const pace = new FakePace(0.5, 0);
  const { store, sent } = answering(pace, 100, (sent) => ({ committed: true, revision: sent + 1 }));
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => transact(store, () => increment, pace)));
  const refusals = all.flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as Error).message] : []));
  t.strictSame(new Set(refusals), new Set(['nothing was changed: too much waits to be written; try again in a moment']));
  t.equal(sent(), 61);
  t.equal(sent() + refusals.length, 100);
});
