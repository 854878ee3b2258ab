import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { lockHost } from '../../../daemon/kernel/host-lock.js';

t.test('one netctld per host, until it releases the lock', (t) => {
  const path = join(t.testdir(), 'run', 'netctld.lock');
  const first = lockHost(path);
  t.throws(() => lockHost(path), { code: 'conflict', message: `another netctld is running on this host (it holds ${path}): there can be one only, so stop it first` });
  first.release();
  lockHost(path).release();
  t.end();
});

t.test('a process that was killed holds no lock, and its children never did', async (t) => {
  const path = join(t.testdir(), 'netctld.lock');
  const module = new URL('../../../daemon/kernel/host-lock.js', import.meta.url).href;
  const script = `
    const { lockHost } = await import(${JSON.stringify(module)});
    const { spawn } = await import('node:child_process');
    globalThis.lock = lockHost(${JSON.stringify(path)});
    const child = spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
    console.log(child.pid);
    setInterval(() => undefined, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(holder.stdout, 'data')) as [Buffer];
  const child = Number(line.toString());
  t.teardown(() => process.kill(child, 'SIGKILL'));
  t.throws(() => lockHost(path), { code: 'conflict' }, 'it holds the lock');
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
  lockHost(path).release();
});

t.test('where no file can be made it says so', (t) => {
  const base = t.testdir({ file: '' });
  t.throws(() => lockHost(join(base, 'file', 'netctld.lock')), { code: 'unavailable', message: /^cannot open .*: E(NOTDIR|EXIST)/ });
  t.end();
});
