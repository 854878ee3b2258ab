import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';

const script = join(import.meta.dirname, '..', '..', 'support', 'young-heap-process.js');
const mebibyte = 2 ** 20;

/** As netctld is started. */
const flags = execFileSync('bin/netctld', { env: { ...process.env, NETCTLD_NODE: 'echo' }, encoding: 'utf8' }).split(' ').filter((word) => word.startsWith('--'));

/** What a process says of the space for what is new, in MiB, line by line, until it is ended. */
async function* sizesOf(mode: 'kept' | 'grown'): AsyncGenerator<[what: string, size: number]> {
  const child = spawn(process.execPath, [...flags, script, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    for await (const line of createInterface(child.stdout)) {
      const [what = '', octets = 'NaN'] = line.split(' ');
      yield [what, Number(octets) / mebibyte];
    }
  } finally {
    child.kill();
    await once(child, 'close');
  }
}

t.test('the space for what is new grows while very much is made, and is given back', async (t) => {
  const deadline = performance.now() + 60_000;
  for await (const [what, size] of sizesOf('grown')) {
    if (what === 'worked') t.ok(size > 16, `${size} MiB while there is work`);
    else if (size <= 4) break;
    if (performance.now() > deadline) t.fail(`after a minute of rest it still has ${size} MiB`);
    if (performance.now() > deadline) break;
  }
});

t.test('otherwise it stays as it was begun, whatever is made', async (t) => {
  for await (const [what, size] of sizesOf('kept')) {
    t.equal(what, 'worked');
    t.ok(size <= 4, `${size} MiB`);
    break;
  }
});
