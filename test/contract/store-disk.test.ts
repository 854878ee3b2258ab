import '../support/throw-away-host.js';
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { openLevelStore } from '../../daemon/store/level.js';
import type { Store } from '../../daemon/store/port.js';
import { entriesAt, operationsAt } from '../support/store-history.js';

// Disks that are full, or may not be written: small file systems in memory, which nobody outside of this test sees.

const run = promisify(execFile);
const kilobytes = 1024;
const diskSize = 512 * kilobytes;
let count = 0;

async function disk(t: Test): Promise<string> {
  const directory = `/run/disk-${count++}`;
  mkdirSync(directory);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${diskSize}`, 'tmpfs', directory]);
  t.teardown(() => run('umount', [directory]));
  return directory;
}

const ballast = (directory: string): string => join(directory, 'ballast');
const makeRoom = (directory: string): void => rmSync(ballast(directory), { force: true });

/** Fills the disk but for some bytes. */
async function fill(directory: string, left: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const bytes = Math.max(0, bavail * bsize - left);
  if (bytes > 0) writeFileSync(ballast(directory), Buffer.alloc(bytes));
}

/** Writes the next revision; whether it was acknowledged. A refusal must be one that helps. */
async function writeNext(t: Test, store: Store): Promise<boolean> {
  const { revision } = await store.list('');
  try {
    await store.transact({ conditions: [], operations: operationsAt(revision + 1) });
    return true;
  } catch (error) {
    t.match(error, { code: 'unavailable', message: /cannot be written: .*No space left on device; make room on the disk, netctld goes on by itself then$/ });
    return false;
  }
}

/** What the store holds must be just what its revision is. */
async function isWhole(t: Test, store: Store, name: string): Promise<number> {
  const { entries, revision } = await store.list('');
  t.same(entries, entriesAt(revision), `${name}: what revision ${revision} is`);
  return revision;
}

t.test('a full disk: what is written before it is full stays, what comes later is refused, and with room again all goes on', async (t) => {
  // With less and less room the write fails in other places: in the database, in the middle of it, at once.
  for (let left = 10; left >= 0; left--) {
    const directory = await disk(t);
    const store = await openLevelStore(join(directory, 'state'));
    for (let i = 0; i < 10; i++) t.ok(await writeNext(t, store));
    await fill(directory, left * kilobytes);
    let acknowledged = 10;
    while (await writeNext(t, store)) acknowledged++;
    t.equal(await isWhole(t, store, 'full'), acknowledged, `with ${left} KiB left, ${acknowledged} were acknowledged, and reading goes on`);
    t.notOk(await writeNext(t, store), 'the next is refused, too');
    makeRoom(directory);
    t.ok(await writeNext(t, store), 'with room again it is written');
    const later = await isWhole(t, store, 'with room again');
    // The transaction that was refused first may be on the disk, and then its revision is taken.
    t.ok(later === acknowledged + 1 || later === acknowledged + 2, `revision ${later}`);
    await store.close();
    const again = await openLevelStore(join(directory, 'state'));
    t.equal(await isWhole(t, again, 'opened again'), later);
    await again.close();
  }
});

t.test('watchers are told of a transaction that was refused and is found on the disk', async (t) => {
  const directory = await disk(t);
  const store = await openLevelStore(join(directory, 'state'));
  const told: number[] = [];
  store.watch('', 0, { changed: ({ revision }) => void told.push(revision), lost: (reason) => t.fail(reason) });
  for (let i = 0; i < 5; i++) await writeNext(t, store);
  await fill(directory, 0);
  while (await writeNext(t, store));
  makeRoom(directory);
  await writeNext(t, store);
  const { revision } = await store.list('');
  t.same(told, Array.from({ length: revision }, (_, i) => i + 1), 'each revision, once');
  await store.close();
});

t.test('a start on a full disk is refused, and loses nothing', async (t) => {
  const directory = await disk(t);
  const state = join(directory, 'state');
  const store = await openLevelStore(state);
  for (let i = 0; i < 10; i++) await writeNext(t, store);
  await store.close();
  for (const left of [0, 4, 8, 16, 24]) {
    await fill(directory, left * kilobytes);
    const opened = await openLevelStore(state).catch((error: unknown) => {
      t.match(error, { code: 'unavailable', message: /cannot be opened: .*(ENOSPC|No space left).*; make room on the disk$/ }, `with ${left} KiB left`);
      return undefined;
    });
    if (left === 0) t.equal(opened, undefined);
    await opened?.close();
    makeRoom(directory);
  }
  const again = await openLevelStore(state);
  t.equal(await isWhole(t, again, 'with room again'), 10);
  await again.close();
});

t.test('a directory that can only be read is refused, and can be read again later', async (t) => {
  const directory = await disk(t);
  const state = join(directory, 'state');
  const store = await openLevelStore(state);
  await writeNext(t, store);
  await store.close();
  await run('mount', ['-o', 'remount,ro', directory]);
  await t.rejects(openLevelStore(state), { code: 'unavailable', message: /cannot be opened: .*read-only file system/ });
  await run('mount', ['-o', 'remount,rw', directory]);
  const again = await openLevelStore(state);
  t.equal(await isWhole(t, again, 'writable again'), 1);
  await again.close();
});
