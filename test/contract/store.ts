import type { Test } from 'tap';
import fc from 'fast-check';
import type { ChangeLogOptions } from '../../daemon/store/changes.js';
import type { Change, ChangeSet, Entry, Operation, Outcome, Store, Watcher } from '../../daemon/store/port.js';

/** Opens an empty store of its own; the suite closes it. */
export type OpenStore = (options?: ChangeLogOptions) => Promise<Store>;

interface Case {
  readonly name: string;
  readonly options?: ChangeLogOptions;
  readonly run: (t: Test, store: Store) => Promise<void>;
}

const put = (key: string, value: Entry['value']): Operation => ({ key, put: value });
const remove = (key: string): Operation => ({ key, delete: true });
const commit = (store: Store, ...operations: Operation[]) => store.transact({ conditions: [], operations });

/** The revision of a transaction that must have been committed. */
async function committed(t: Test, outcome: Promise<Outcome>, name = 'committed'): Promise<number> {
  const result = await outcome;
  t.equal(result.committed, true, name);
  return result.committed ? result.revision : NaN;
}

/** Keeps what it is told, as lines that compare well: revisions are compared with those that writers were told. */
class Recorder implements Watcher {
  readonly sets: ChangeSet[] = [];
  readonly reasons: string[] = [];

  changed(set: ChangeSet): void {
    this.sets.push(set);
  }

  lost(reason: string): void {
    this.reasons.push(reason);
  }

  get lines(): string[] {
    return this.sets.map((set) => set.changes.map((change) => lineOf(change, set)).join(', '));
  }

  get revisions(): number[] {
    return this.sets.map(({ revision }) => revision);
  }
}

function lineOf(change: Change, { revision }: ChangeSet): string {
  if ('delete' in change) return `-${change.key}`;
  return `${change.key}=${JSON.stringify(change.put.value)}${change.put.revision === revision ? '' : ` of another revision than ${revision}`}`;
}

const cases: Case[] = [
  {
    name: 'an empty store has nothing',
    run: async (t, store) => {
      t.equal(await store.get('a'), undefined);
      t.match(await store.list(''), { entries: [], revision: Number });
    },
  },
  {
    name: 'what was put is got, with the revision of its last change',
    run: async (t, store) => {
      for (const value of [null, false, 0, 1.5, '', 'ü\u{1F600}\0', [1, ['x']], { b: { a: null }, '': [] }] as const) {
        const revision = await committed(t, commit(store, put('a/b', value)));
        await commit(store, put('other', 1));
        t.same(await store.get('a/b'), { key: 'a/b', value, revision });
      }
    },
  },
  {
    name: 'a prefix is a prefix of characters, and a list is in the order of keys',
    run: async (t, store) => {
      const keys = ['b', 'a/bc', 'a/b/d', 'a/b', 'a/b/', 'a/a', 'a0', 'a', 'a/\u{FFFF}', 'a/\u{1F600}', 'a/ü', 'a/Z', 'a/b/10', 'a/b/9'];
      let last = 0;
      for (const key of keys) last = await committed(t, commit(store, put(key, key)));
      const list = async (prefix: string) => (await store.list(prefix)).entries.map(({ key }) => key);
      t.same(await list('a/b/'), ['a/b/', 'a/b/10', 'a/b/9', 'a/b/d']);
      t.same(await list('a/b'), ['a/b', 'a/b/', 'a/b/10', 'a/b/9', 'a/b/d', 'a/bc']);
      t.same(await list('a/'), ['a/Z', 'a/a', 'a/b', 'a/b/', 'a/b/10', 'a/b/9', 'a/b/d', 'a/bc', 'a/ü', 'a/\u{FFFF}', 'a/\u{1F600}']);
      t.same(await list('c'), []);
      t.equal((await list('')).length, keys.length);
      t.ok((await store.list('c')).revision >= last, 'the revision is the whole store\'s');
    },
  },
  {
    name: 'conditions decide',
    run: async (t, store) => {
      const first = await committed(t, commit(store, put('here', 1), put('other', 1)));
      const second = await committed(t, commit(store, put('here', 2)));
      const table = [
        [{ key: 'here', is: 'absent' }, false],
        [{ key: 'gone', is: 'absent' }, true],
        [{ key: 'here', is: 'present' }, true],
        [{ key: 'gone', is: 'present' }, false],
        [{ key: 'here', is: 'at', revision: second }, true],
        [{ key: 'here', is: 'at', revision: first }, false],
        [{ key: 'here', is: 'at', revision: second + 1 }, false],
        [{ key: 'gone', is: 'at', revision: 0 }, false],
        [{ key: 'other', is: 'at', revision: first }, true],
      ] as const;
      for (const [condition, committed] of table) {
        const outcome = await store.transact({ conditions: [condition], operations: [put('result', 1)] });
        t.equal(outcome.committed, committed, JSON.stringify(condition));
      }
    },
  },
  {
    name: 'one condition that does not hold undoes all',
    run: async (t, store) => {
      const revision = await committed(t, commit(store, put('a', 1)));
      const watcher = new Recorder();
      store.watch('', revision, watcher);
      const outcome = await store.transact({
        conditions: [{ key: 'a', is: 'present' }, { key: 'b', is: 'absent' }, { key: 'c', is: 'present' }],
        operations: [remove('a'), put('b', 1)],
      });
      t.same(outcome, { committed: false });
      t.match(await store.list(''), { entries: [{ key: 'a', value: 1, revision }] });
      t.equal((await store.list('')).entries.length, 1);
      t.same(watcher.lines, []);
    },
  },
  {
    name: 'revisions grow with each transaction that changes something',
    run: async (t, store) => {
      const first = await committed(t, commit(store, put('a', 1), put('b', 1)));
      t.same(await store.transact({ conditions: [{ key: 'a', is: 'absent' }], operations: [put('a', 2)] }), { committed: false });
      await committed(t, store.transact({ conditions: [{ key: 'a', is: 'present' }], operations: [] }), 'one that writes nothing');
      t.same([(await store.get('a'))?.revision, (await store.get('b'))?.revision], [first, first]);
      const second = await committed(t, commit(store, put('a', 1)));
      t.ok(second > first, 'also when it puts what is there');
      const third = await committed(t, commit(store, remove('b')));
      t.ok(third > second);
      t.ok((await store.list('')).revision >= third);
      t.equal((await store.get('a'))?.revision, second);
    },
  },
  {
    name: 'deleting what is absent succeeds, and no watcher hears of it',
    run: async (t, store) => {
      const watcher = new Recorder();
      store.watch('', (await store.list('')).revision, watcher);
      t.match(await commit(store, remove('a')), { committed: true });
      t.match(await commit(store, remove('a'), put('b', 1)), { committed: true });
      t.equal(watcher.sets.length, 1);
      t.match(watcher.sets[0]?.changes, [{ key: 'b' }]);
    },
  },
  {
    name: 'two operations on one key are a bug of the caller',
    run: async (t, store) => {
      await t.rejects(commit(store, put('a', 1), remove('a')), { code: 'internal', message: /two operations on the key "a"/ });
      t.equal(await store.get('a'), undefined);
    },
  },
  {
    name: 'nobody shares an object with the store',
    run: async (t, store) => {
      const value = { list: [1] };
      const watcher = new Recorder();
      store.watch('', (await store.list('')).revision, watcher);
      await commit(store, put('a', value));
      value.list.push(2);
      const entry = await store.get('a');
      t.same(entry?.value, { list: [1] });
      (entry?.value as typeof value).list.push(3);
      t.same((await store.get('a'))?.value, { list: [1] });
      t.same(watcher.lines, ['a={"list":[1]}']);
    },
  },
  {
    name: 'a watcher is told of its prefix, before the writer goes on',
    run: async (t, store) => {
      const watcher = new Recorder();
      const watch = store.watch('a/', (await store.list('')).revision, watcher);
      const first = await committed(t, commit(store, put('a/x', 1), put('b/x', 1), put('a/y', [2])));
      t.same(watcher.lines, ['a/x=1, a/y=[2]']);
      await commit(store, put('b/x', 2));
      const last = await committed(t, commit(store, remove('a/x')));
      t.same(watcher.lines.slice(1), ['-a/x']);
      t.same(watcher.revisions, [first, last]);
      watch.close();
      watch.close();
      await commit(store, put('a/x', 3));
      t.equal(watcher.sets.length, 2, 'and of nothing once it closed the watch');
    },
  },
  {
    name: 'a watch begins in the past',
    run: async (t, store) => {
      const revisions: number[] = [];
      for (const value of [1, 2, 3]) revisions.push(await committed(t, commit(store, put('a', value), put('b', value))));
      const watcher = new Recorder();
      store.watch('a', revisions[0] ?? NaN, watcher);
      revisions.push(await committed(t, commit(store, put('a', 4))));
      t.same(watcher.lines, ['a=2', 'a=3', 'a=4']);
      t.same(watcher.revisions, revisions.slice(1));
      t.same(watcher.reasons, []);
    },
  },
  {
    name: 'a past that is forgotten is lost, and the watch has ended',
    options: { limit: 3 },
    run: async (t, store) => {
      const revisions: number[] = [];
      for (const value of [1, 2, 3, 4, 5]) revisions.push(await committed(t, commit(store, put('a', value))));
      const late = new Recorder();
      store.watch('', revisions[0] ?? NaN, late).close();
      const intime = new Recorder();
      store.watch('', revisions[1] ?? NaN, intime);
      await commit(store, put('a', 6));
      t.equal(late.reasons.length, 1);
      t.match(late.reasons[0], /the changes after revision \d+ are forgotten/);
      t.same(late.lines, []);
      t.same(intime.lines, ['a=3', 'a=4', 'a=5', 'a=6']);
    },
  },
  {
    name: 'a watcher that begins while another is told repeats nothing',
    run: async (t, store) => {
      const inner = new Recorder();
      let begun = false;
      store.watch('', (await store.list('')).revision, {
        changed: ({ revision }) => {
          if (!begun) store.watch('', revision - 1, inner);
          begun = true;
        },
        lost: (reason) => t.fail(reason),
      });
      await commit(store, put('a', 1));
      await commit(store, put('a', 2));
      t.same(inner.lines, ['a=1', 'a=2']);
    },
  },
  {
    name: 'a watcher may write and may close the watch of another',
    run: async (t, store) => {
      const order: string[] = [];
      let written: Promise<unknown> | undefined;
      const { revision } = await store.list('');
      store.watch('a', revision, {
        changed: () => {
          order.push('first');
          second.close();
          written = commit(store, put('b', 1));
        },
        lost: (reason) => t.fail(reason),
      });
      const second = store.watch('a', revision, { changed: () => void order.push('second'), lost: (reason) => t.fail(reason) });
      await commit(store, put('a', 1));
      t.match(await written, { committed: true });
      t.same(order, ['first']);
    },
  },
  {
    name: 'a hundred that create one key: exactly one wins',
    run: async (t, store) => {
      const create = (n: number) => store.transact({ conditions: [{ key: 'address', is: 'absent' }], operations: [put('address', n)] });
      const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => create(n)));
      const winners = outcomes.flatMap(({ committed }, n) => (committed ? [n] : []));
      t.equal(winners.length, 1);
      t.match(await store.get('address'), { key: 'address', value: winners[0] });
    },
  },
  {
    name: 'a counter by compare and swap loses no increment',
    run: async (t, store) => {
      await commit(store, put('n', 0));
      const increment = async (): Promise<void> => {
        const entry = await store.get('n');
        const outcome = await store.transact({
          conditions: [{ key: 'n', is: 'at', revision: entry?.revision ?? -1 }],
          operations: [put('n', Number(entry?.value) + 1)],
        });
        if (!outcome.committed) await increment();
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      t.equal((await store.get('n'))?.value, 20);
    },
  },
  {
    name: 'a transaction of a thousand operations is one revision',
    run: async (t, store) => {
      const keys = Array.from({ length: 1000 }, (_, i) => `big/${String(i).padStart(4, '0')}`);
      const watcher = new Recorder();
      store.watch('big/', (await store.list('')).revision, watcher);
      const first = await committed(t, commit(store, ...keys.map((key) => put(key, { key }))));
      t.same((await store.list('big/')).entries.map(({ key }) => key), keys);
      const second = await committed(t, commit(store, ...keys.map(remove)));
      t.same((await store.list('big/')).entries, []);
      t.same(watcher.sets.map(({ changes }) => changes.length), [1000, 1000]);
      t.same(watcher.revisions, [first, second]);
    },
  },
  {
    name: 'a transaction of the greatest size is one revision, and a greater one is refused',
    run: async (t, store) => {
      const conditions = Array.from({ length: 100 }, (_, i) => ({ key: `there/${i}`, is: 'present' }) as const);
      await commit(store, ...conditions.map(({ key }) => put(key, 0)));
      const watcher = new Recorder();
      store.watch('', (await store.list('')).revision, watcher);
      const operations = Array.from({ length: 2500 }, (_, i) => put(`big/${i}`, i));
      const revision = await committed(t, store.transact({ conditions, operations }));
      t.same(watcher.revisions, [revision]);
      t.equal(watcher.sets[0]?.changes.length, 2500);
      t.same(await store.transact({ conditions: [...conditions.slice(1), { key: 'gone', is: 'present' }], operations: [remove('there/1'), ...operations.slice(1)] }), { committed: false });
      t.equal((await store.list('')).entries.length, 2600, 'and all or nothing');
      const tooMany = { code: 'internal', message: /it may have 100 and 2500$/ };
      await t.rejects(store.transact({ conditions: [...conditions, { key: 'a', is: 'absent' }], operations: [] }), tooMany);
      await t.rejects(store.transact({ conditions: [], operations: [...operations, put('a', 1)] }), tooMany);
    },
  },
  {
    name: 'a closed store refuses, and closing twice is fine',
    run: async (t, store) => {
      const last = commit(store, put('a', 1));
      await store.close();
      t.match(await last, { committed: true }, 'what was given before is carried out');
      await t.rejects(store.get('a'), { code: 'unavailable' });
      await t.rejects(store.list(''), { code: 'unavailable' });
      await t.rejects(commit(store, put('a', 2)), { code: 'unavailable' });
      await store.close();
    },
  },
];

/** Runs the contract of the Store port against an adapter. */
export function testStore(t: Test, open: OpenStore): void {
  for (const { name, options, run } of cases) {
    t.test(name, async (t) => {
      const store = await open(options);
      try {
        await run(t, store);
      } finally {
        await store.close();
      }
    });
  }
  t.test('a watcher that throws harms neither the writer nor the others, and is reported', (t) => throwingWatcher(t, open));
  t.test('list, then watch: under concurrent writers nothing is missed or repeated', (t) => listThenWatch(t, open));
}

async function throwingWatcher(t: Test, open: OpenStore): Promise<void> {
  const reported: unknown[] = [];
  const store = await open({ report: (error) => reported.push(error) });
  const failure = new Error('a bug of the watcher');
  const other = new Recorder();
  const { revision } = await store.list('');
  store.watch('', revision, { changed: () => { throw failure; }, lost: (reason) => t.fail(reason) });
  store.watch('', revision, other);
  await committed(t, commit(store, put('a', 1)));
  t.same(other.lines, ['a=1']);
  t.same(reported, [failure]);
  await store.close();
}

const step = fc.record({
  operations: fc.uniqueArray(
    fc.oneof(
      fc.record({ key: fc.constantFrom('a/1', 'a/2', 'a/3', 'b/1'), put: fc.nat(9) }),
      fc.record({ key: fc.constantFrom('a/1', 'a/2', 'a/3', 'b/1'), delete: fc.constant(true as const) }),
    ),
    { selector: ({ key }) => key, maxLength: 3 },
  ),
  /** A reader lists just after this transaction was given, while it and its neighbours are under way. */
  reader: fc.boolean(),
});

async function listThenWatch(t: Test, open: OpenStore): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const store = await open();
      try {
        const replicas: Promise<Map<string, Entry>>[] = [];
        const writes = steps.map(({ operations, reader }) => {
          const write = store.transact({ conditions: [], operations });
          if (reader) replicas.push(replicate(store, 'a/'));
          return write;
        });
        await Promise.all(writes);
        const expected = new Map((await store.list('a/')).entries.map((entry) => [entry.key, entry]));
        for (const replica of await Promise.all(replicas)) {
          if (!sameEntries(replica, expected)) throw new Error(`the replica has ${show(replica)} and the store ${show(expected)}`);
        }
      } finally {
        await store.close();
      }
    }),
    { numRuns: 60 },
  );
  t.pass('the replicas of 60 runs were right');
}

/** A live copy of what is below the prefix: its list, and every change after that. Throws on a repeated revision. */
async function replicate(store: Store, prefix: string): Promise<Map<string, Entry>> {
  const { entries, revision } = await store.list(prefix);
  const copy = new Map(entries.map((entry) => [entry.key, entry]));
  let last = revision;
  let problem: string | undefined;
  store.watch(prefix, revision, {
    changed: (set) => {
      if (set.revision <= last) problem ??= `revision ${set.revision} was told after ${last}`;
      last = set.revision;
      for (const change of set.changes) {
        if ('delete' in change) problem ??= copy.delete(change.key) ? undefined : `${change.key} was deleted twice`;
        else copy.set(change.key, change.put);
      }
      if (problem !== undefined) copy.set('problem', { key: problem, value: null, revision: -1 });
    },
    lost: (reason) => void copy.set('problem', { key: reason, value: null, revision: -1 }),
  });
  return copy;
}

function sameEntries(one: ReadonlyMap<string, Entry>, other: ReadonlyMap<string, Entry>): boolean {
  return show(one) === show(other);
}

function show(entries: ReadonlyMap<string, Entry>): string {
  return JSON.stringify([...entries.values()].sort((one, other) => (one.key < other.key ? -1 : 1)));
}
