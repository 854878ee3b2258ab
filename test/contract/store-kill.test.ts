import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { openLevelStore } from '../../daemon/store/level.js';
import { Random } from '../support/random.js';
import { entriesAt } from '../support/store-history.js';

// A process that writes without pause is killed 200 times: all that it acknowledged is there, nothing is half there, and the next one goes on.

const killCount = 200;
/** Node takes longer to start than a kill takes; so several states are written, killed and looked at side by side. */
const lanes = 4;
/** How long a writer lives after its first transaction, at most, in milliseconds: some twenty transactions. */
const longestLifeMs = 10;

const seed = Number(process.env['NETCTL_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
// In memory: what is tested does not depend on the disk, which is slow.
const base = mkdtempSync(join('/dev/shm', 'netctl-store-kill-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
t.setTimeout(180_000);
t.comment(`seed ${seed}`);

const writer = fileURLToPath(new URL('../support/store-writer.js', import.meta.url));

/** Lets a writer live for a moment. The last revision that it acknowledged, and what it complained of. */
async function writeUntilKilled(directory: string, lifeMs: number): Promise<{ acknowledged: number; errors: string }> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  await setTimeout(lifeMs);
  child.kill('SIGKILL');
  await closed;
  // A last line without its end was not said whole.
  return { acknowledged: Number(said.split('\n').at(-2) ?? 0), errors };
}

/** Kills writers of one state; what went wrong, or how many transactions were acknowledged. */
async function lane(number: number): Promise<{ problems: string[]; transactions: number; unacknowledged: number }> {
  const random = new Random(seed + number);
  const directory = join(base, `state-${number}`);
  const problems: string[] = [];
  let [transactions, unacknowledged] = [0, 0];
  for (let kill = 0; kill < killCount / lanes && problems.length === 0; kill++) {
    const { acknowledged, errors } = await writeUntilKilled(directory, random.next() * longestLifeMs);
    if (errors !== '') problems.push(errors);
    const store = await openLevelStore(directory);
    const { entries, revision } = await store.list('');
    await store.close();
    if (revision < acknowledged || revision > acknowledged + 1) problems.push(`kill ${kill}: ${acknowledged} was acknowledged, and the store has ${revision}`);
    if (JSON.stringify(entries) !== JSON.stringify(entriesAt(revision))) problems.push(`kill ${kill}: not what revision ${revision} is: ${JSON.stringify(entries)}`);
    transactions = acknowledged;
    unacknowledged += revision - acknowledged;
  }
  return { problems, transactions, unacknowledged };
}

t.test(`${killCount} kills during writes, seed ${seed}`, async (t) => {
  t.setTimeout(150_000);
  const results = await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  t.same(results.flatMap(({ problems }) => problems), [], 'all that was acknowledged is there, and no half of anything');
  t.ok(results.every(({ transactions }) => transactions > killCount / lanes), 'each life wrote something');
  t.comment(results.map(({ transactions, unacknowledged }) => `${transactions} transactions, ${unacknowledged} on the disk and not acknowledged`).join('; '));
});
