// A real netctld that other machines may reach, and who may use it: with TLS only those with a certificate, on the Unix socket only its group.
import '../support/throw-away-host.js';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { issue, makeAuthority, type Issued } from '../support/certificates.js';
import { netctldFile, netctlFile } from '../support/programs.js';

const base = mkdtempSync(join(tmpdir(), 'netctl-tls-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
chmodSync(base, 0o755);
t.setTimeout(120_000);

const address = '192.0.2.1';
execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
const authority = makeAuthority(base, 'authority');
const foreign = makeAuthority(base, 'foreign');
const server = issue(base, authority, 'server', { usage: 'serverAuth', addresses: [address] });
const client = issue(base, authority, 'client', { usage: 'clientAuth' });
const socket = '/run/netctl/netctl.sock';
const common = ['--state', join(base, 'state'), '--plugin-socket', '/run/plugin.sock', '--docker-socket', '/run/none.sock'];
const tlsFlags = (own: Issued, ca: Issued): string[] => ['--tls-cert', own.cert, '--tls-key', own.key, '--tls-ca', ca.cert];

/** A netctld, and what it has logged. */
async function start(t: Test, ...flags: string[]): Promise<{ child: ChildProcess; logged: (event: string) => Promise<void> }> {
  const child = spawn(process.execPath, [netctldFile, ...common, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text));
  const logged = async (event: string): Promise<void> => {
    while (!log.includes(`"event":"${event}"`)) {
      if (child.exitCode !== null) throw new Error(`netctld ended: ${log}`);
      await once(child.stdout, 'data');
    }
  };
  t.teardown(async () => {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill()) await ended;
  });
  await logged('started');
  return { child, logged };
}

const netctl = (...words: string[]): Promise<{ exitCode?: number; all: string }> => execa(process.execPath, [netctlFile, 'version', ...words], { reject: false, all: true });
const overTls = (own: Issued, ca = authority): Promise<{ exitCode?: number; all: string }> => netctl('--host', `https://${address}:9999`, ...tlsFlags(own, ca));
const answered = { exitCode: 0, all: /Server Version:/ };

t.test('on an address that others reach only a client with a certificate is answered', async (t) => {
  const { child, logged } = await start(t, '--listen', `${address}:9999`, ...tlsFlags(server, authority));
  t.match(await overTls(client), answered);
  const stranger = issue(base, foreign, 'stranger', { usage: 'clientAuth' });
  t.match(await overTls(stranger), { exitCode: 2, all: /refused the certificate given with --tls-cert/ }, 'of another authority');
  t.match(await overTls(issue(base, authority, 'expired', { usage: 'clientAuth', days: -1 })), { exitCode: 2, all: /refused the certificate/ }, 'expired');
  t.match(await overTls(client, foreign), { exitCode: 2, all: /is not of an authority given with --tls-ca/ }, 'netctl looks as well');
  t.match(await netctl('--host', `http://${address}:9999`), { exitCode: 2, all: /if it wants TLS, write https/ }, 'without TLS');
  const bare = await execa('openssl', ['s_client', '-connect', `${address}:9999`, '-CAfile', authority.cert, '-quiet'], { reject: false, input: 'GET /version HTTP/1.0\r\n\r\n', all: true });
  t.match(bare.all, /alert certificate required/, 'without a certificate');
  t.notMatch(bare.all, /HTTP\/1/);
  t.match(await netctl(), answered, 'the Unix socket is there besides');

  copyFileSync(issue(base, authority, 'renewed', { usage: 'serverAuth', addresses: ['192.0.2.9'] }).cert, server.cert);
  child.kill('SIGHUP');
  await logged('reload-failed');
  t.match(await overTls(client), answered, 'files that do not belong together change nothing');
  const renewed = issue(base, authority, 'server', { usage: 'serverAuth', addresses: ['192.0.2.9'] });
  t.equal(renewed.cert, server.cert);
  child.kill('SIGHUP');
  await logged('reloaded');
  t.match(await overTls(client), { exitCode: 2, all: /is for another name/ }, 'renewed files are used');
});

t.test('on loopback it needs no TLS', async (t) => {
  await start(t, '--listen', '127.0.0.1:9998');
  t.match(await netctl('--host', 'http://127.0.0.1:9998'), answered);
});

t.test('the Unix socket is for root and its group', async (t) => {
  await start(t);
  const as = (group: string): Promise<{ exitCode?: number; all: string }> =>
    execa('setpriv', ['--reuid', '65534', '--regid', group, '--clear-groups', process.execPath, netctlFile, 'version', '--host', socket], { reject: false, all: true });
  const group = execFileSync('stat', ['-c', '%g', socket], { encoding: 'utf8' }).trim();
  t.match(await as('65534'), { exitCode: 2, all: /permission to use \/run\/netctl\/netctl\.sock was denied: use sudo/ }, 'another user is refused');
  t.match(await as(group), answered, 'a member of the group is not');
});

t.test('a daemon that could be reached by anybody does not start', async (t) => {
  const refused = async (...flags: string[]): Promise<string> => {
    const { exitCode, stderr } = await execa(process.execPath, [netctldFile, ...common, ...flags], { reject: false });
    t.equal(exitCode, 2);
    return stderr;
  };
  t.match(await refused('--listen', `${address}:9999`), /^netctld: the API cannot be offered on 192\.0\.2\.1 without TLS/);
  t.match(await refused('--listen', `${address}:9999`, '--tls-cert', server.cert), /belong together/);
  t.match(await refused('--listen', `${address}:9999`, ...tlsFlags({ ...client, key: foreign.key }, authority)), /does not belong to the certificate/);
  t.match(await refused('--listen', `${address}:9999`, ...tlsFlags(issue(base, authority, 'old', { usage: 'serverAuth', days: -1 }), authority)), /has expired on/);
});
