import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openLevelStore } from '../../daemon/store/level.js';
import { Random } from '../support/random.js';
import { entriesAt, operationsAt } from '../support/store-history.js';

// Files of the state are changed behind its back. Whatever is changed: all is right, or it is refused and left as it was; never less.

const flipsPerFile = 60;
const seed = Number(process.env['NETCTL_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
const random = new Random(seed);
// In memory: what is tested does not depend on the disk, which is slow.
const base = mkdtempSync(join('/dev/shm', 'netctl-store-damage-'));
t.setTimeout(180_000);
t.teardown(() => rmSync(base, { recursive: true, force: true }));
t.comment(`seed ${seed}`);

/** Of revision 7: tables of earlier openings, and a log with the last three transactions, as after a kill. */
const sound = join(base, 'sound');
const lastRevision = 7;
for (let revision = 1; revision < 5; revision += 2) {
  const store = await openLevelStore(sound);
  for (const next of [revision, revision + 1]) await store.transact({ conditions: [], operations: operationsAt(next) });
  await store.close();
}
const killed = join(base, 'killed');
const running = await openLevelStore(sound);
let witnessBefore = Buffer.alloc(0);
for (const revision of [5, 6, 7]) {
  witnessBefore = readFileSync(join(sound, 'COMMITTED'));
  await running.transact({ conditions: [], operations: operationsAt(revision) });
}
cpSync(sound, killed, { recursive: true });
await running.close();

const matters = (name: string): boolean => !/^(LOG|LOG\.old|LOCK)$/.test(name);
const files = readdirSync(killed).filter(matters);
const logFile = files.find((name) => name.endsWith('.log') && readFileSync(join(killed, name)).length > 0) ?? '';
const expected = JSON.stringify({ entries: entriesAt(lastRevision), revision: lastRevision });

function filesIn(directory: string): string {
  return readdirSync(directory).filter(matters).sort().map((name) => `${name} ${createHash('sha256').update(readFileSync(join(directory, name))).digest('hex')}`).join('\n');
}

/** Damages a copy, opens it, and says what came of it; anything but `right` and `refused` is a loss. */
async function outcome(damage: (directory: string) => void, { from = killed, right = expected } = {}): Promise<string> {
  const directory = join(base, 'damaged');
  rmSync(directory, { recursive: true, force: true });
  cpSync(from, directory, { recursive: true });
  damage(directory);
  const before = filesIn(directory);
  let refusal: unknown;
  const store = await openLevelStore(directory).catch((error: unknown) => void (refusal = error));
  if (!store) {
    if (filesIn(directory) !== before) return 'refused, and changed';
    const { code, message } = refusal as { code?: string; message?: string };
    const clear = code === 'unavailable' && message?.startsWith(`the state in ${directory} is damaged (`);
    // A flip may make of the version a later one; that is told by its own sentence.
    return clear === true || (code === 'conflict' && /has format|not netctl's/.test(message ?? '')) ? 'refused' : `refused with ${String(code)}: ${String(message)}`;
  }
  const found = JSON.stringify(await store.list(''));
  await store.close();
  return found === right ? 'right' : `loss: ${found}`;
}

async function check(t: Test, what: string, damages: readonly { readonly name: string; readonly damage: (directory: string) => void }[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const bad: string[] = [];
  for (const { name, damage } of damages) {
    const result = await outcome(damage);
    counts[result] = (counts[result] ?? 0) + 1;
    if (result !== 'right' && result !== 'refused') bad.push(`${name}: ${result}`);
  }
  t.same(bad, [], what);
  t.comment(`${what}: ${damages.length} times, ${JSON.stringify(counts)}`);
  return counts;
}

function flip(file: string, bit: number): void {
  const bytes = readFileSync(file);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  writeFileSync(file, bytes);
}

t.test('the state as it is', async (t) => {
  t.equal(await outcome(() => undefined), 'right');
  t.ok(files.some((name) => name.endsWith('.ldb')), 'it has tables');
  t.not(logFile, '', 'it has a log');
});

t.test(`a flipped bit, seed ${seed}`, async (t) => {
  t.setTimeout(150_000);
  for (const name of files) {
    const bits = readFileSync(join(killed, name)).length * 8;
    if (bits === 0) continue;
    const damages = Array.from({ length: Math.min(flipsPerFile, bits) }, () => Math.floor(random.next() * bits)).map((bit) => ({ name: `bit ${bit}`, damage: (directory: string) => flip(join(directory, name), bit) }));
    await check(t, `a flipped bit in ${name}`, damages);
  }
});

t.test('a record in the middle of a long log: LevelDB leaves it out, and goes on with the next block', async (t) => {
  const from = join(base, 'long');
  const store = await openLevelStore(join(base, 'writing'));
  for (let revision = 1; revision <= 8; revision++) await store.transact({ conditions: [], operations: [{ key: `long/${revision}`, put: 'x'.repeat(20_000) }] });
  const right = JSON.stringify(await store.list(''));
  cpSync(join(base, 'writing'), from, { recursive: true });
  await store.close();
  t.equal(await outcome(() => undefined, { from, right }), 'right');
  const log = readdirSync(from).filter((name) => name.endsWith('.log')).sort().at(-1) ?? '';
  for (let place = 1; place < 12; place++) {
    const result = await outcome((directory) => flip(join(directory, log), place * 10_000 * 8), { from, right });
    t.equal(result, 'refused', `at ${place * 10_000}`);
  }
});

t.test('a table that an opening was killed over: it belongs to nothing yet, and its data are in the log', async (t) => {
  const table = files.find((name) => name.endsWith('.ldb')) ?? '';
  for (const length of [0, 20, 100]) {
    const result = await outcome((directory) => writeFileSync(join(directory, '000099.ldb'), readFileSync(join(killed, table)).subarray(0, length)));
    t.equal(result, 'right', `${length} bytes of it`);
  }
});

t.test('a file that is cut off', async (t) => {
  t.setTimeout(150_000);
  for (const name of files) {
    const { length } = readFileSync(join(killed, name));
    // The log and the witness at every place: that is where a crash would cut.
    const step = name === logFile || name === 'COMMITTED' || name === 'CURRENT' ? 1 : Math.max(1, Math.floor(length / 25));
    const places = Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
    const counts = await check(t, `${name} cut off`, places.map((place) => ({ name: `at ${place}`, damage: (directory: string) => truncateSync(join(directory, name), place) })));
    if (name === logFile) t.same(counts, { refused: length }, 'a missing end of the log is always seen');
  }
});

t.test('a file that is gone', async (t) => {
  await check(t, 'a file is gone', files.map((name) => ({ name, damage: (directory: string) => rmSync(join(directory, name)) })));
  t.equal(await outcome((directory) => files.forEach((name) => name !== 'COMMITTED' && rmSync(join(directory, name)))), 'refused', 'all but the witness');
});

t.test('a process that is killed after the database was written and before the witness was', async (t) => {
  t.equal(await outcome((directory) => writeFileSync(join(directory, 'COMMITTED'), witnessBefore)), 'right', 'what was not acknowledged yet may be there');
});
