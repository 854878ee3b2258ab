import t from 'tap';
import { Reconciler } from '../../../daemon/control/reconciler.js';
import { untilTrue } from '../../support/until-true.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };

/** A reconcile function whose passes wait until they are let go. */
function gate(): { reconcile: (key: string) => Promise<void>; passes: string[]; release: (error?: Error) => void } {
  const passes: string[] = [];
  const open: ((error?: Error) => void)[] = [];
  return {
    passes,
    reconcile: (key) => {
      passes.push(key);
      return new Promise((resolve, reject) => open.push((error) => (error ? reject(error) : resolve())));
    },
    release: (error) => open.shift()?.(error),
  };
}

t.test('a burst of events is one pass, and events during a pass are one further pass', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  for (let i = 0; i < 10; i++) reconciler.enqueue('a');
  await untilTrue(() => passes.length === 1);
  for (let i = 0; i < 10; i++) reconciler.enqueue('a');
  release();
  await untilTrue(() => passes.length === 2);
  release();
  await reconciler.stop();
  t.same(passes, ['a', 'a']);
});

t.test('keys do not wait for each other', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  reconciler.enqueue('a');
  reconciler.enqueue('b');
  await untilTrue(() => passes.length === 2);
  t.same(passes.toSorted(), ['a', 'b']);
  release();
  release();
  await reconciler.stop();
});

t.test('sync waits for a pass that began after the call, not for the one that runs', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  reconciler.enqueue('a');
  await untilTrue(() => passes.length === 1);
  let synced = false;
  const sync = reconciler.sync('a').then(() => (synced = true));
  release();
  await untilTrue(() => passes.length === 2);
  t.equal(synced, false);
  release();
  await sync;
  await reconciler.stop();
});

t.test('a failed pass is tried again by itself, and sync does not wait for that', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  const sync = reconciler.sync('a');
  await untilTrue(() => passes.length === 1);
  release(new Error('the first pass fails'));
  await sync;
  t.equal(passes.length, 1, 'the retry waits');
  await untilTrue(() => passes.length === 2);
  release();
  await reconciler.stop();
});

t.test('events do not bring a retry forward: no busy loop over what fails', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  reconciler.enqueue('a');
  await untilTrue(() => passes.length === 1);
  const failedAt = performance.now();
  release(new Error('fails'));
  await untilTrue(() => {
    reconciler.enqueue('a');
    return passes.length === 2;
  });
  t.ok(performance.now() - failedAt >= 95, 'the second pass waited for its back-off of 100 ms');
  release();
  await reconciler.stop();
});

t.test('stop waits for the running pass, answers who waits, and begins nothing more', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  reconciler.enqueue('a');
  await untilTrue(() => passes.length === 1);
  const sync = reconciler.sync('a');
  const stopped = reconciler.stop();
  release();
  await stopped;
  await sync;
  reconciler.enqueue('a');
  await reconciler.sync('a');
  t.same(passes, ['a']);
});

t.test('a sync during a pass that fails leaves no retry behind', async (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  reconciler.enqueue('a');
  for (let pass = 1; pass <= 3; pass++) {
    await untilTrue(() => passes.length === pass);
    void reconciler.sync('a');
    release(new Error('fails'));
  }
  await untilTrue(() => passes.length === 4);
  const stopped = reconciler.stop();
  release();
  await stopped;
  t.equal(timers(), before);
});

t.test('no more than four keys have a pass at the same time', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  const synced = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => reconciler.sync(key));
  await untilTrue(() => passes.length === 4);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(passes.length, 4);
  release();
  await untilTrue(() => passes.length === 5);
  for (let pass = 0; pass < 4; pass++) release();
  await untilTrue(() => passes.length === 6);
  release();
  await Promise.all(synced);
  await reconciler.stop();
});

t.test('passes that hang hold up no other key', async (t) => {
  const { reconcile, passes, release } = gate();
  const reconciler = new Reconciler('test', reconcile, log);
  for (const key of ['a', 'b', 'c', 'd', 'e']) void reconciler.sync(key);
  await untilTrue(() => passes.includes('e'));
  t.equal(passes.length, 5, 'although none of the first four has ended');
  for (let pass = 0; pass < 5; pass++) release();
  await reconciler.stop();
});

t.test('what fails for long is tried every few seconds', async (t) => {
  const waits: number[] = [];
  const told = { ...log, error: (fields: { retryMs?: number }) => void waits.push(fields.retryMs ?? 0) };
  const reconciler = new Reconciler('test', () => Promise.reject(new Error('fails')), told);
  for (let pass = 0; pass < 9; pass++) await reconciler.sync('a');
  await reconciler.stop();
  t.strictSame(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
});

t.test('with a rate, what happens while a pass waits for its turn is of that pass', async (t) => {
  const { reconcile, passes, release } = gate();
  const waits: number[] = [];
  const reconciler = new Reconciler('test', reconcile, log, { take: () => (waits.push(waits.length === 0 ? 0 : 20), waits.at(-1) ?? 0) });
  const first = reconciler.sync('a');
  await untilTrue(() => passes.length === 1);
  release();
  await first;
  const asked = performance.now();
  const others: Promise<void>[] = [];
  await untilTrue(() => {
    if (passes.length === 1) others.push(reconciler.sync('a'));
    return passes.length === 2;
  });
  t.ok(performance.now() - asked >= 19, 'the second one waited');
  t.ok(others.length > 1, `${others.length} came meanwhile`);
  release();
  await Promise.all(others);
  t.same(passes, ['a', 'a']);
  await reconciler.stop();
});

t.test('stop does not wait for a turn', async (t) => {
  const passes: string[] = [];
  const reconciler = new Reconciler('test', (key) => Promise.resolve(void passes.push(key)), log, { take: () => 3_600_000 });
  const synced = reconciler.sync('a');
  await untilTrue(() => process.getActiveResourcesInfo().includes('Timeout'));
  await reconciler.stop();
  await synced;
  t.ok(passes.length <= 1);
});
