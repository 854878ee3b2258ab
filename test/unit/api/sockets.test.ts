import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { NetctlError } from '../../../src/model/errors.js';
import { fixture } from './fixture.js';

const base = mkdtempSync(join(tmpdir(), 'netctl-api-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(base, `${count++}`, 'netctl.sock');
const root = process.getuid?.() === 0;
/** Only root can give a socket to any group of the host. */
const ownGroup = { groups: [] };

function get(target: { socketPath: string } | { host: string; port: number }, path: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ ...target, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    call.on('error', reject).end();
  });
}

t.test('the Unix socket is made with its directory, answers, and goes with the daemon', async (t) => {
  const { api } = await fixture(t);
  const path = fresh();
  await api.listenUnix(path, ownGroup);
  t.match(await get({ socketPath: path }, '/healthz'), { status: 200, text: 'ok' });
  t.equal(statSync(path).mode & 0o777, 0o660);
  await api.close();
  t.notOk(existsSync(path));
});

t.test('the socket belongs to the first of the groups that the host has', { skip: root ? false : 'only root can give it to any group' }, async (t) => {
  const groupFile = join(base, 'group');
  const cases: [string, number][] = [
    ['root:x:0:\nnetctl:x:4711:\ndocker:x:4712:me\n', 4711],
    ['root:x:0:\nmynetctl:x:4713:\ndocker:x:4712:me\n', 4712],
    ['root:x:0:\n', process.getgid?.() ?? 0],
  ];
  for (const [text, group] of cases) {
    const { api } = await fixture(t);
    writeFileSync(groupFile, text);
    const path = fresh();
    await api.listenUnix(path, { groupFile });
    t.match(statSync(path), { gid: group, mode: 0o140660 });
  }
});

t.test('the socket of a crashed daemon is replaced', async (t) => {
  const path = fresh();
  const { api } = await fixture(t);
  const script = `const fs = require('fs'); fs.mkdirSync(require('path').dirname(process.argv[1]), { recursive: true });
    require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'));`;
  t.throws(() => execFileSync(process.execPath, ['--eval', script, path]), { signal: 'SIGKILL' } as unknown as Error);
  t.ok(statSync(path).isSocket(), 'it left its socket behind');
  await api.listenUnix(path, ownGroup);
  t.match(await get({ socketPath: path }, '/healthz'), { status: 200 });
});

t.test('the socket of a live daemon is left to it', async (t) => {
  const path = fresh();
  const [first, second] = [await fixture(t), await fixture(t)];
  await first.api.listenUnix(path, ownGroup);
  await t.rejects(second.api.listenUnix(path, ownGroup), { code: 'conflict', message: `cannot listen at ${path}: another process does; stop it first` });
  await second.api.close();
  t.match(await get({ socketPath: path }, '/healthz'), { status: 200 }, 'and it still answers');
});

t.test('what is not a socket is left alone', async (t) => {
  const { api } = await fixture(t);
  const path = join(base, 'file');
  writeFileSync(path, 'precious');
  await t.rejects(api.listenUnix(path, ownGroup), { code: 'invalid', message: /there is something that is not a socket; remove it/ });
  t.equal(statSync(path).size, 8);
  await t.rejects(api.listenUnix(join(path, 'netctl.sock'), ownGroup), { code: 'unavailable', message: /^cannot listen at .*: E(NOTDIR|EXIST)/ });
});

t.test('a refusal stands in the status line, too, as one line of ASCII', async (t) => {
  const { api, operations } = await fixture(t);
  const path = fresh();
  await api.listenUnix(path, ownGroup);
  const reason = async (sentence: string): Promise<string | undefined> => {
    operations.ready = () => Promise.reject(new NetctlError('unavailable', sentence));
    const call = request({ socketPath: path, path: '/healthz', agent: false }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusMessage;
  };
  t.equal(await reason('the state is not loaded yet: wait a moment'), 'the state is not loaded yet: wait a moment');
  t.equal(await reason('nö\r\nX-Evil: 1'), 'n???X-Evil: 1');
  t.equal((await reason('a'.repeat(100_000)))?.length, 500);
});

t.test('a client that asks again within a minute does so by a connection that is not about to end', async (t) => {
  const { api } = await fixture(t);
  const path = fresh();
  await api.listenUnix(path, ownGroup);
  const port = await api.listenTcp('127.0.0.1', 0);
  for (const target of [{ socketPath: path }, { host: '127.0.0.1', port }]) {
    const agent = new Agent({ keepAlive: true });
    const call = request({ ...target, path: '/healthz', agent }).end();
    const [{ headers }] = (await once(call, 'response')) as [IncomingMessage];
    agent.destroy();
    const [, seconds] = /^timeout=(\d+)$/.exec(String(headers['keep-alive'])) ?? [];
    t.ok(Number(seconds) > 60, `it stays open for ${seconds} s`);
  }
});

t.test('TCP besides, on the port asked for or on a free one', async (t) => {
  const { api } = await fixture(t);
  const path = fresh();
  await api.listenUnix(path, ownGroup);
  const port = await api.listenTcp('127.0.0.1', 0);
  t.match(await get({ host: '127.0.0.1', port }, '/healthz'), { status: 200 });
  t.match(await get({ socketPath: path }, '/healthz'), { status: 200 });
  const second = await fixture(t);
  await t.rejects(second.api.listenTcp('127.0.0.1', port), { code: 'unavailable', message: /cannot listen at 127\.0\.0\.1 port \d+: .*EADDRINUSE/ });
});

t.test('close lets a request under way end, and does not wait for idle clients', async (t) => {
  const { api, operations } = await fixture(t);
  const path = fresh();
  await api.listenUnix(path, ownGroup);
  const idle = createConnection(path);
  await once(idle, 'connect');
  idle.on('error', () => undefined);
  let release: () => void = () => undefined;
  const reached = new Promise<void>((reachedNow) => {
    operations.ready = () => new Promise((resolve) => {
      release = resolve;
      reachedNow();
    });
  });
  const answer = get({ socketPath: path }, '/healthz');
  await reached;
  const begun = process.hrtime.bigint();
  const closed = api.close();
  release();
  t.match(await answer, { status: 200, text: 'ok' });
  await closed;
  t.ok(process.hrtime.bigint() - begun < 2_500_000_000n, 'well before the deadline for those that hang');
  await t.rejects(get({ socketPath: path }, '/healthz'), { code: 'ENOENT' });
});

t.test('a server that is not ours on the path counts as live', async (t) => {
  const path = join(base, 'other.sock');
  const other = createServer().listen(path);
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { api } = await fixture(t);
  await t.rejects(api.listenUnix(path, ownGroup), { code: 'conflict' });
});
