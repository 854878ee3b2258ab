import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request } from 'node:https';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { readTls } from '../../../daemon/api/tls.js';
import { issue, makeAuthority, type Issued } from '../../support/certificates.js';
import { fixture, type Fixture } from './fixture.js';

const base = mkdtempSync(join(tmpdir(), 'netctl-tls-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
const authority = makeAuthority(base, 'authority');
const foreign = makeAuthority(base, 'foreign');
const server = issue(base, authority, 'server', { usage: 'serverAuth', addresses: ['127.0.0.1'] });
const client = issue(base, authority, 'client', { usage: 'clientAuth' });
const files = { ...server, ca: authority.cert };

async function listening(t: Test): Promise<Fixture & { readonly port: number }> {
  const made = await fixture(t);
  return { ...made, port: await made.api.listenTcp('127.0.0.1', 0, readTls(files)) };
}

/** The status of /healthz, or the code of what went wrong. */
function ask(port: number, shown: Issued | undefined, trusted = authority, more = {}): Promise<number | string | undefined> {
  const own = shown && { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', port, path: '/healthz', agent: false, ca: readFileSync(trusted.cert), ...own, ...more }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code)).end();
  });
}

t.test('only who has a certificate of the authority, for clients and not expired, is answered', async (t) => {
  const { port, log } = await listening(t);
  t.equal(await ask(port, client), 200);
  t.equal(await ask(port, client, authority, { maxVersion: 'TLSv1.2' }), 200);
  const refused: [string, Issued | undefined, object?][] = [
    ['no certificate', undefined],
    ['no certificate, TLS 1.2', undefined, { maxVersion: 'TLSv1.2' }],
    ['of another authority', issue(base, foreign, 'stranger', { usage: 'clientAuth' })],
    ['of another authority, TLS 1.2', issue(base, foreign, 'stranger', { usage: 'clientAuth' }), { maxVersion: 'TLSv1.2' }],
    ['signed by itself', makeAuthority(base, 'itself')],
    ['expired', issue(base, authority, 'expired', { usage: 'clientAuth', days: -1 })],
    ['for servers', server],
    ['TLS 1.1', client, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
  ];
  for (const [name, shown, more] of refused) t.type(await ask(port, shown, authority, more), 'string', name);
  t.equal(await ask(port, client), 200, 'and afterwards it still answers');
  t.equal(log.filter((line) => line.includes('"event":"tls-refused"')).length, refused.length, 'each is in the log');
});

t.test('HTTP without TLS is not answered', async (t) => {
  const { port, log } = await listening(t);
  const [error] = (await once(requestPlain({ host: '127.0.0.1', port, path: '/healthz', agent: false }).end(), 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNRESET');
  t.match(log.join(''), /"event":"tls-refused".*http request/);
});

t.test('the client can tell this netctld from another', async (t) => {
  const { port } = await listening(t);
  t.match(await ask(port, client, foreign), /UNABLE_TO_VERIFY|SELF_SIGNED/);
});

t.test('renewed certificates are used for new connections', async (t) => {
  const { api, port } = await listening(t);
  const renewed = issue(base, foreign, 'renewed', { usage: 'serverAuth', addresses: ['127.0.0.1'] });
  const other = issue(base, foreign, 'other', { usage: 'clientAuth' });
  api.renewTls(readTls({ ...renewed, ca: foreign.cert }));
  t.equal(await ask(port, other, foreign), 200);
  t.match(await ask(port, client, foreign), /^(ERR_SSL|ECONNRESET)/, 'the authority before is trusted no more');
});

t.test('close ends those in a handshake and those who say nothing at once', async (t) => {
  const { api, port } = await listening(t);
  const bare = createConnection(port, '127.0.0.1');
  const silent: TLSSocket = connect({ port, host: '127.0.0.1', ca: readFileSync(authority.cert), cert: readFileSync(client.cert), key: readFileSync(client.key) });
  for (const socket of [bare, silent]) socket.on('error', () => undefined);
  await Promise.all([once(bare, 'connect'), once(silent, 'secureConnect')]);
  // With TLS 1.3 the client is done before the server; when a later client is answered, the server is, too.
  t.equal(await ask(port, client), 200);
  const begun = performance.now();
  await api.close();
  t.ok(performance.now() - begun < 2_500, 'well before the deadline of requests that hang');
});

t.test('close lets a request under way end', async (t) => {
  const { api, operations, port } = await listening(t);
  let release: () => void = () => undefined;
  const reached = new Promise<void>((now) => {
    operations.ready = () => new Promise((resolve) => {
      release = resolve;
      now();
    });
  });
  const answer = ask(port, client);
  await reached;
  const closed = api.close();
  release();
  t.equal(await answer, 200);
  await closed;
});

t.test('files that will not do are told before anything listens', (t) => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(base, name), text);
    return join(base, name);
  };
  const expired = issue(base, authority, 'old', { usage: 'serverAuth', days: -1 });
  const cut = readFileSync(server.cert, 'utf8').replace(/\n.{40}/, '\n');
  const table: [Partial<typeof files>, RegExp][] = [
    [{ cert: join(base, 'none') }, /^the certificate .*\/none cannot be read: ENOENT/],
    [{ key: join(base, 'none') }, /^the private key .*\/none cannot be read: ENOENT/],
    [{ ca: base }, /^the certificate authority .* cannot be read: EISDIR/],
    [{ cert: write('text', 'hello') }, /holds no certificate: it must be PEM/],
    [{ cert: server.key }, /holds no certificate/],
    [{ cert: write('cut', cut) }, /^the certificate in .*\/cut is damaged: /],
    [{ key: server.cert }, /holds no private key that can be used: it must be PEM and have no passphrase/],
    [{ key: client.key }, /^the key in .*client\.key does not belong to the certificate in .*server\.pem: give the two/],
    [{ ...expired }, /^the certificate of CN=old in .* has expired on .*: renew it$/],
    [{ ca: client.cert }, /^the certificate of CN=client in .* is not one of an authority/],
    [{ ca: write('both', readFileSync(authority.cert, 'utf8') + readFileSync(client.cert, 'utf8')) }, /CN=client .* is not one of an authority/],
  ];
  for (const [change, message] of table) t.throws(() => readTls({ ...files, ...change }), { code: 'invalid', message }, message.source);
  t.throws(() => readTls(files, new Date('2020-01-01')), { code: 'invalid', message: /is not valid before .*: wait, or look at the clock$/ });
  t.end();
});
