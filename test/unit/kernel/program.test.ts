import { openSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runProgram, untranslated, type Ended } from '../../../daemon/kernel/program.js';

const shell = (script: string, timeLimit = 60_000, stdin?: number): Promise<Ended> => runProgram('sh', ['-c', script], { stdin, timeLimit, env: untranslated });

t.test('its exit code, and its output without the last newline', async (t) => {
  t.match(await shell('printf "one\\n\\n"; echo two >&2; exit 7'), { exitCode: 7, stdout: 'one\n', stderr: 'two', missing: false });
  t.equal((await shell('echo "$LC_ALL $HOME"')).stdout, `C ${process.env['HOME'] ?? ''}`, 'messages are not translated; other variables are those of the caller');
  t.equal((await shell('cat')).stdout, '', 'there is no input');
});

t.test('a descriptor is its input', async (t) => {
  const file = join(t.testdir(), 'input');
  writeFileSync(file, 'add table');
  const descriptor = openSync(file, 'r');
  t.teardown(() => closeSync(descriptor));
  t.equal((await shell('cat', 60_000, descriptor)).stdout, 'add table');
});

t.test('a program that is not there', async (t) => {
  const ended = await runProgram('netctl-no-such-program', [], { stdin: undefined, timeLimit: 60_000, env: {} });
  t.match(ended, { exitCode: undefined, missing: true, fate: /^failed \(spawn netctl-no-such-program ENOENT\)$/ });
});

t.test('one that does not exit by itself', async (t) => {
  t.match(await shell('echo before; kill -SEGV $$'), { exitCode: undefined, fate: 'was ended by SIGSEGV', stdout: 'before' });
  // What it has started goes on, with its output open.
  const ended = await shell('sleep 30 & echo $!; wait', 500);
  t.teardown(() => process.kill(Number(ended.stdout), 'SIGKILL'));
  t.match(ended, { exitCode: undefined, fate: 'did not end within 0.5 s and was killed', stdout: /^\d+$/ });
  t.match(await shell('cat /dev/zero'), { exitCode: undefined, fate: 'printed more than can be read' });
});
