import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, mkdir, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Level } from 'level';
import t from 'tap';
import { openLevelStore } from '../../daemon/store/level.js';
import { testStore } from './store.js';

const run = promisify(execFile);
const base = mkdtempSync(join(tmpdir(), 'netctl-store-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(base, `state-${count++}`);

testStore(t, (options) => openLevelStore(fresh(), options));

t.test('what was committed is there after the store was opened again', async (t) => {
  const directory = join(fresh(), 'made', 'on', 'demand');
  let store = await openLevelStore(directory);
  await store.transact({ conditions: [], operations: [{ key: 'a', put: 1 }, { key: 'b', put: 2 }] });
  await store.transact({ conditions: [], operations: [{ key: 'a', delete: true }] });
  await store.close();
  store = await openLevelStore(directory);
  t.same(await store.list(''), { entries: [{ key: 'b', value: 2, revision: 1 }], revision: 2 });
  let lost = '';
  store.watch('', 1, { changed: () => t.fail('nothing changed'), lost: (reason) => (lost = reason) });
  t.match(lost, /revision 1 are forgotten/, 'what changed before it was opened is not known');
  t.same(await store.transact({ conditions: [], operations: [{ key: 'c', put: 3 }] }), { committed: true, revision: 3 });
  await store.close();
  t.equal((await stat(directory)).mode & 0o777, 0o700, 'others cannot read the state');
});

t.test('thousands of entries are read in several pieces, and told of before anybody sees them', async (t) => {
  const directory = fresh();
  const long = 'x'.repeat(1000);
  let store = await openLevelStore(directory, { found: (entries) => t.equal(entries, 0) });
  await store.transact({ conditions: [], operations: Array.from({ length: 2500 }, (_, index) => ({ key: `many/${index}`, put: { index, long } })) });
  const before = await store.list('');
  await store.close();
  store = await openLevelStore(directory, { found: (entries) => t.equal(entries, 2500) });
  t.same(await store.list(''), before);
  await store.transact({ conditions: [], operations: [{ key: 'many/7', put: null }, { key: 'many/8', delete: true }] });
  await store.close();
  store = await openLevelStore(directory, { found: (entries) => t.equal(entries, 2499, 'the digest is that of what was read') });
  await store.close();
});

t.test('a second netctld on the same state is refused', async (t) => {
  const directory = fresh();
  const store = await openLevelStore(directory);
  await t.rejects(openLevelStore(directory), { code: 'conflict', message: `the state in ${directory} is in use by another netctld` });
  await store.transact({ conditions: [], operations: [{ key: 'a', put: 1 }] });
  const waiting = openLevelStore(directory);
  await store.close();
  const next = await waiting;
  t.match(await next.get('a'), { value: 1 }, 'who gives it back in a moment is waited for');
  await next.close();
});

t.test('a state of format 1 is read, and is of format 2 from then on', async (t) => {
  const directory = fresh();
  await write(directory, 'meta/version', '1');
  await write(directory, 'meta/revision', '7');
  await write(directory, 'data/a', '{"revision":5,"value":{"b":1}}');
  for (const revision of [7, 8]) {
    const store = await openLevelStore(directory);
    t.equal((await store.list('')).revision, revision);
    t.same(await store.get('a'), { key: 'a', value: { b: 1 }, revision: 5 });
    await store.transact({ conditions: [], operations: [{ key: 'c', put: revision }] });
    await store.close();
  }
  await write(directory, 'data/a', '{"revision":5,"value":{"b":2}}');
  await t.rejects(openLevelStore(directory), { code: 'unavailable', message: /is damaged \(its 2 entries have the digest/ });
});

t.test('a database of a later version, or of another program, is refused and left as it is', async (t) => {
  const later = fresh();
  await (await openLevelStore(later)).close();
  await write(later, 'meta/version', '3');
  const refused = { code: 'conflict', message: /has format 3 and this netctld knows formats up to 2/ };
  await t.rejects(openLevelStore(later), refused);
  await t.rejects(openLevelStore(later), refused, 'and the first refusal gave it free again');

  const foreign = fresh();
  await write(foreign, 'hello', 'world');
  await t.rejects(openLevelStore(foreign), { code: 'conflict', message: /not netctl's/ });

  for (const [key, value] of [['meta/version', 'x'], ['meta/version', '0'], ['meta/head', '{"revision":-1.5}'], ['meta/revision', '1'], ['data/a', '{"revision":1,"value":1}']] as const) {
    const damaged = fresh();
    await (await openLevelStore(damaged)).close();
    await write(damaged, key, value);
    await t.rejects(openLevelStore(damaged), { code: 'unavailable', message: /is damaged/ }, key);
  }
});

t.test('a damaged or unusable directory is said so', async (t) => {
  const damaged = fresh();
  await (await openLevelStore(damaged)).close();
  await writeFile(join(damaged, 'CURRENT'), 'nonsense');
  await t.rejects(openLevelStore(damaged), { code: 'unavailable', message: /is damaged \(.*CURRENT.*\) and was left as it is: see .*--restore/ });

  const noManifest = fresh();
  await (await openLevelStore(noManifest)).close();
  for (const name of await readdir(noManifest)) if (name.startsWith('MANIFEST')) await truncate(join(noManifest, name), 3);
  await t.rejects(openLevelStore(noManifest), { code: 'unavailable', message: /is damaged/ });

  const file = fresh();
  await writeFile(file, '');
  await t.rejects(openLevelStore(file), { code: 'unavailable', message: /cannot be opened: / });
});

t.test('a directory that may not be read is said so', async (t) => {
  const directory = fresh();
  await mkdir(directory);
  await chmod(directory, 0o000);
  const module = new URL('../../daemon/store/level.js', import.meta.url).href;
  // Root may read everything, so the attempt is made as nobody, who must be able to reach the directory and not to open it.
  await chmod(base, 0o755);
  const script = `
    const { openLevelStore } = await import(${JSON.stringify(module)});
    if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
    await openLevelStore(${JSON.stringify(directory)}).then(() => console.log('opened'), (error) => console.log(error.code + ': ' + error.message));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
  t.match(stdout, /^unavailable: the state in .* cannot be opened: .*[Pp]ermission denied/);
});

async function write(directory: string, key: string, value: string): Promise<void> {
  const database = new Level(directory);
  await database.put(key, value);
  await database.close();
}
