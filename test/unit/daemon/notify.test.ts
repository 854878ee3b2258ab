import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openNotifier } from '../../../daemon/notify.js';
import { Datagrams } from '../../support/datagrams.js';
import { untilTrue } from '../../support/until-true.js';

const base = mkdtempSync(join(tmpdir(), 'netctl-notify-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));

function manager(t: Test, path: string): Datagrams {
  const datagrams = new Datagrams(path);
  t.teardown(() => datagrams.close());
  return datagrams;
}

const unexpected = (error: unknown): void => {
  throw error;
};

t.test('the manager is told, on a socket with a path and on an abstract one', (t) => {
  for (const path of [join(base, 'notify'), `@netctl-test-${process.pid}`]) {
    const datagrams = manager(t, path);
    const env: Record<string, string> = { NOTIFY_SOCKET: path, OTHER: 'x' };
    const notifier = openNotifier(env, unexpected);
    t.strictSame(env, { OTHER: 'x' }, 'programs that are started do not meet it');
    notifier.status('beginning');
    notifier.ready('serving');
    notifier.stopping('ending');
    notifier.close();
    t.strictSame(datagrams.take(), ['STATUS=beginning', 'READY=1\nSTATUS=serving', 'STOPPING=1\nSTATUS=ending'], path);
  }
  t.end();
});

t.test('the watchdog is fed from readiness on, well within its time, until the end', async (t) => {
  const path = join(base, 'watchdog');
  const datagrams = manager(t, path);
  const notifier = openNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '90000', WATCHDOG_PID: String(process.pid) }, unexpected);
  t.strictSame(datagrams.take(), [], 'not before');
  const begun = performance.now();
  notifier.ready('serving');
  const seen: string[] = [];
  await untilTrue(() => seen.push(...datagrams.take()) >= 5);
  t.strictSame(seen.slice(0, 5), ['READY=1\nSTATUS=serving', ...Array.from({ length: 4 }, () => 'WATCHDOG=1')]);
  t.ok(performance.now() - begun >= 4 * 29, 'a third of the time apart');
  notifier.close();
  datagrams.take();
  const next = performance.now() + 100;
  await untilTrue(() => performance.now() > next);
  t.strictSame(datagrams.take(), [], 'and no more after the end');
});

t.test('a watchdog of another process is not fed', async (t) => {
  const path = join(base, 'other');
  const datagrams = manager(t, path);
  const notifier = openNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '3000', WATCHDOG_PID: '1' }, unexpected);
  notifier.ready('serving');
  const next = performance.now() + 50;
  await untilTrue(() => performance.now() > next);
  t.strictSame(datagrams.take(), ['READY=1\nSTATUS=serving']);
  notifier.close();
});

t.test('without a manager nothing happens', (t) => {
  for (const env of [{}, { NOTIFY_SOCKET: '' }]) {
    const notifier = openNotifier(env, unexpected);
    for (const verb of ['status', 'ready', 'stopping'] as const) t.doesNotThrow(() => notifier[verb]('x'), verb);
    notifier.close();
  }
  t.end();
});

t.test('a manager that cannot be reached is told once, and nothing else is hindered', (t) => {
  const errors: unknown[] = [];
  const notifier = openNotifier({ NOTIFY_SOCKET: join(base, 'nobody') }, (error) => errors.push(error));
  notifier.ready('x');
  notifier.stopping('x');
  notifier.close();
  t.match(errors, [{ code: 'unavailable', message: 'cannot notify the service manager: ENOENT' }]);
  t.end();
});

t.test('what names no socket is refused', (t) => {
  for (const path of ['notify', '@', '/', `/${'x'.repeat(107)}`]) {
    t.throws(() => openNotifier({ NOTIFY_SOCKET: path }, unexpected), { code: 'unavailable', message: /^NOTIFY_SOCKET is .*: unset it$/ }, path);
  }
  t.end();
});
