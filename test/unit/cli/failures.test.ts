import { spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { ApiClient } from '../../../cli/client.js';
import { Failure } from '../../../cli/failure.js';
import { processOutput } from '../../../cli/output.js';
import { chooseTarget, defaultSocket } from '../../../cli/target.js';
import { Api, finished, netctl, ok, refused, start } from './harness.js';

const missing = /^netctl: netctld is not running at \/\S*\.sock: start it, or name its address with --host\n$/;

t.test('no daemon: no socket, and a socket that nobody listens on', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'netctl-cli-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'netctl.sock');
  const none = await netctl(['tenant', 'ls', '-H', `unix://${path}`]);
  t.strictSame([none.code, none.stdout], [2, '']);
  t.match(none.stderr, missing);

  await leaveDeadSocket(path);
  t.ok(statSync(path).isSocket());
  const dead = await netctl(['tenant', 'ls', '-H', path]);
  t.equal(dead.code, 2);
  t.match(dead.stderr, missing);
});

/** A socket file as a killed daemon leaves it. */
async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await finished(spawn(process.execPath, ['-e', script]));
}

t.test('rm stops at the first name when there is no daemon', async (t) => {
  const { code, stderr } = await netctl(['tenant', 'rm', 'a', 'b', '-H', '/nonexistent/netctl.sock']);
  t.equal(code, 2);
  t.match(stderr, missing);
});

t.test('version tells the client version even without a daemon', async (t) => {
  const { code, stdout, stderr } = await netctl(['version', '-H', '/nonexistent/netctl.sock']);
  t.equal(code, 2);
  t.match(stdout, /^Client Version:\nVersion: \d/);
  t.match(stderr, missing);
});

const nobody = 65534;
const root = process.getuid?.() === 0;

t.test('no permission', { skip: root ? false : 'only root can become somebody else' }, async (t) => {
  const api = await Api.listen({});
  t.teardown(() => api.close());
  // Somebody else must get as far as the socket itself.
  chmodSync(dirname(api.socket), 0o755);
  chownSync(api.socket, 0, 1);
  chmodSync(api.socket, 0o660);
  t.equal(statSync(api.socket).gid, 1, 'the group daemon, everywhere');
  const asNobody = (): Promise<{ code: number | null; stderr: string }> =>
    netctl(['tenant', 'ls'], { NETCTL_HOST: api.socket }, { uid: nobody, gid: nobody });
  const other = await asNobody();
  t.equal(other.code, 2);
  t.match(
    other.stderr,
    /^netctl: permission to use \S+ was denied: use sudo, or join its group with "sudo usermod -aG daemon nobody" and log in again\n$/,
  );

  chownSync(api.socket, 0, 0);
  t.match((await asNobody()).stderr, /was denied: use sudo\n$/, 'nobody is told to join root');
  t.strictSame(api.asked, []);
});

t.test('a daemon on TCP', async (t) => {
  const server = createServer((request, response) => response.end(JSON.stringify(request.url === '/base/api/v1/inspect/tenants/' ? [] : {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/base/`;
  for (const [words, env] of [
    [['--host', url], {}],
    [['--netmaster', url], {}],
    [[], { NETCTL_HOST: url }],
    [[], { NETMASTER: url, NETCTL_HOST: '' }],
    [['--host', url], { NETCTL_HOST: '/nonexistent' }],
    [[], { NETCTL_HOST: url, NETMASTER: 'http://127.0.0.1:1' }],
  ] as const) {
    t.strictSame(await netctl(['tenant', 'ls', '-j', ...words], env), { code: 0, stdout: '[]\n', stderr: '' });
  }
  await new Promise((resolve) => server.close(resolve));
  const { code, stderr } = await netctl(['tenant', 'ls', '--host', url]);
  t.equal(code, 2);
  t.match(stderr, `netctl: netctld is not listening at http://127.0.0.1:${port}/base: start it with "--listen 127.0.0.1:${port}", or`);
});

t.test('where netctld is looked for', async (t) => {
  t.strictSame(chooseTarget(undefined, {}), { kind: 'unix', path: defaultSocket });
  t.strictSame(chooseTarget('unix:///a/b', {}), { kind: 'unix', path: '/a/b' });
  t.match(chooseTarget('http://[::1]:9999', {}), { hostname: '::1', port: 9999, basePath: '' });
  t.match(chooseTarget('http://netmaster', {}), { hostname: 'netmaster', port: 80 });
  t.match(chooseTarget('https://netmaster:9999/', {}), { kind: 'https', hostname: 'netmaster', port: 9999 });
  t.match(chooseTarget('https://netmaster', {}), { port: 443 });
  for (const wrong of ['', 'unix://relative', 'localhost:9999', 'https://', 'http://', 'http://x:99999']) {
    t.throws(() => chooseTarget(wrong, {}), { kind: 'usage', message: /not an address of netctld/ }, wrong);
  }
});

t.test('answers that are no answers', async (t) => {
  const api = await Api.listen({
    'GET /api/v1/inspect/tenants/': ok('<html>hello</html>'),
    'GET /api/v1/inspect/tenants/empty/': refused(500, ''),
    'GET /api/v1/inspect/tenants/later/': refused(503, 'Docker does not answer: try again when it does\n'),
    'GET /version': ok('null'),
  });
  t.teardown(() => api.close());
  const html = await api.netctl('tenant', 'ls');
  t.equal(html.code, 3);
  t.match(html.stderr, /^netctl: what answered at \S+ does not speak netctld's API: check the address\n$/);
  t.strictSame(await api.netctl('tenant', 'inspect', 'empty'), {
    code: 3,
    stdout: '',
    stderr: 'netctl: netctld refused with status 500 and gave no reason: see its log\n',
  });
  t.strictSame(await api.netctl('tenant', 'inspect', 'later'), {
    code: 3,
    stdout: '',
    stderr: 'netctl: Docker does not answer: try again when it does\n',
  });
  const strange = await api.netctl('version');
  t.equal(strange.code, 3);
  t.match(strange.stderr, /^netctl: netctl failed for a reason of its own, which is a bug: /);
});

t.test('a connection that ends, and one that never answers', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'netctl-cli-'));
  const hangsUp = createTcpServer((socket) => socket.destroy()).listen(join(directory, 'a.sock'));
  const silent = createTcpServer((socket) => t.teardown(() => socket.destroy())).listen(join(directory, 'b.sock'));
  t.teardown(() => {
    hangsUp.close();
    silent.close();
    rmSync(directory, { recursive: true });
  });
  const ended = await netctl(['tenant', 'rm', 'x', '-H', join(directory, 'a.sock')]);
  t.equal(ended.code, 2);
  t.match(ended.stderr, /closed the connection without an answer: the change may have been made, so look before trying again\n$/);

  const client = new ApiClient({ kind: 'unix', path: join(directory, 'b.sock') }, { read: 50, change: 100 });
  await t.rejects(client.get('/version'), { kind: 'request', message: /did not answer within 0\.05 seconds: see its log$/ });
  await t.rejects(client.delete('/x'), { kind: 'request', message: /did not answer within 0\.1 seconds: the change may have been made/ });
});

t.test('an answer that stops half-way is late, too', async (t) => {
  const server = createServer((_, response) => void response.writeHead(200).write('{'));
  const directory = mkdtempSync(join(tmpdir(), 'netctl-cli-'));
  const path = join(directory, 'a.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });
  await t.rejects(new ApiClient({ kind: 'unix', path }, { read: 50, change: 50 }).get('/version'), { kind: 'request', message: /did not answer within/ });
});

t.test('a reader that goes away is no cause for words', async (t) => {
  const names = Array.from({ length: 20_000 }, (_, n) => `tenant-${n}`);
  const api = await Api.listen({ 'GET /api/v1/inspect/tenants/': ok(names.map((tenantName) => ({ Config: { tenantName }, Oper: {} }))) });
  t.teardown(() => api.close());
  for (const words of ['tenant ls', 'tenant ls -j', 'tenant ls -q']) {
    const child = start(words.split(' '), { NETCTL_HOST: api.socket });
    child.stdout?.destroy();
    const { code, stderr } = await finished(child);
    t.strictSame([code, stderr], [4, ''], words);
  }
});

t.test('output that cannot be written', { skip: existsSync('/dev/full') ? false : 'there is no /dev/full' }, async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const { code, stderr } = await netctl(['--help'], {}, { stdio: ['ignore', full, 'pipe'] });
  t.equal(code, 4);
  t.match(stderr, /^netctl: the output could not be written: ENOSPC/);
});

t.test('colour is for terminals', async (t) => {
  const written = (isTTY: boolean, environment: Record<string, string>): string => {
    const lines: string[] = [];
    const stream = { isTTY, write: (text: string) => lines.push(text) > 0, on: () => undefined } as unknown as NodeJS.WriteStream;
    const before = { ...process.env };
    Object.assign(process.env, { NO_COLOR: '', TERM: 'xterm' }, environment);
    processOutput(stream, stream).complain('a\u001b[2Jb');
    process.env = before;
    return lines.join('');
  };
  t.equal(written(true, {}), '\u001b[31mnetctl:\u001b[39m a?[2Jb\n');
  t.equal(written(false, {}), 'netctl: a?[2Jb\n');
  t.equal(written(true, { NO_COLOR: '1' }), 'netctl: a?[2Jb\n');
  t.equal(written(true, { TERM: 'dumb' }), 'netctl: a?[2Jb\n');
});

t.test('exit codes', async (t) => {
  const code = (kind: Failure['kind']): number => new Failure(kind, '').exitCode;
  t.strictSame([code('usage'), code('request'), code('server'), code('io')], [1, 2, 3, 4]);
});
