import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { issue, makeAuthority, type Issued } from '../../support/certificates.js';
import { netctl, type Result } from './harness.js';

const base = mkdtempSync(join(tmpdir(), 'netctl-cli-tls-'));
t.teardown(() => rmSync(base, { recursive: true, force: true }));
const authority = makeAuthority(base, 'authority');
const foreign = makeAuthority(base, 'foreign');
const client = issue(base, authority, 'client', { usage: 'clientAuth' });

const version = { version: '1.2.3', gitCommit: 'abc', buildTime: 'now' };
const answered = /^Server Version:\nVersion: 1\.2\.3$/m;

async function port(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Where something answers as netctld does to those who have a certificate of the authority. */
function netctldWith({ cert, key }: Issued): Promise<number> {
  const files = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(authority.cert) };
  return port(createServer({ ...files, requestCert: true, rejectUnauthorized: true }, (_request, response) => response.end(JSON.stringify(version))));
}

const good = await netctldWith(issue(base, authority, 'server', { usage: 'serverAuth', addresses: ['127.0.0.1'] }));

function ask(at: number, own: Issued, ca = authority, scheme = 'https'): Promise<Result> {
  return netctl(['version', '--host', `${scheme}://127.0.0.1:${at}`, '--tls-ca', ca.cert, '--tls-cert', own.cert, '--tls-key', own.key]);
}

t.test('with the right certificates, from flags, as Docker names them, and from a directory', async (t) => {
  t.match(await ask(good, client), { code: 0, stdout: answered, stderr: '' });
  const named = ['--tlscacert', authority.cert, '--tlscert', client.cert, '--tlskey', client.key];
  t.match(await netctl(['version', '-H', `https://127.0.0.1:${good}`, ...named]), { code: 0, stdout: answered });

  const directory = join(base, 'mine');
  mkdirSync(directory);
  for (const [from, to] of [[authority.cert, 'ca.pem'], [client.cert, 'cert.pem'], [client.key, 'key.pem']] as const) copyFileSync(from, join(directory, to));
  const env = { NETCTL_HOST: `https://127.0.0.1:${good}`, NETCTL_CERT_PATH: directory };
  t.match(await netctl(['version'], env), { code: 0, stdout: answered });
  t.match((await netctl(['version', '--tls-ca', foreign.cert], env)).stderr, /is not of an authority given with --tls-ca/, 'a flag goes before the directory');
});

t.test('what is wrong is told', async (t) => {
  const https = ['version', '--host', `https://127.0.0.1:${good}`];
  const table: [Promise<Result>, number, RegExp][] = [
    [netctl(https), 1, /tls-ca is missing, and netctld shows and wants certificates on https: give --tls-ca, --tls-cert and --tls-key, or set NETCTL_CERT_PATH/],
    [netctl([...https, '--tls-ca', authority.cert, '--tls-cert', client.cert]), 1, /tls-key is missing/],
    [netctl([...https, '--tls-ca', '/none', '--tls-cert', '/none', '--tls-key', '/none']), 1, /the file for tls-ca cannot be read: ENOENT/],
    [netctl(['version', '--tls-cert', client.cert]), 1, /--tls-cert is given, but netctld is not addressed by https/],
    [ask(good, issue(base, foreign, 'stranger', { usage: 'clientAuth' })), 2, /^netctl: netctld at https:\S+ .*refused the certificate given with --tls-cert.* of the authority that netctld was given/],
    [ask(good, issue(base, authority, 'expired', { usage: 'clientAuth', days: -1 })), 2, /refused the certificate given with --tls-cert.*: it must be valid, for clients/],
    [ask(good, client, foreign), 2, /^netctl: the certificate of netctld at https:\S+ is not of an authority given with --tls-ca/],
    [ask(await netctldWith(issue(base, authority, 'other', { usage: 'serverAuth', addresses: ['192.0.2.1'] })), client), 2, /is for another name: address it by a name or an address that the certificate has/],
    [ask(await netctldWith(issue(base, authority, 'old', { usage: 'serverAuth', addresses: ['127.0.0.1'], days: -1 })), client), 2, /has expired: renew it/],
    [ask(await port(createPlainServer()), client), 2, /^netctl: what listens at https:\S+ does not speak TLS: check the address, or write http:\/\/\n$/],
    [netctl(['version', '--host', `http://127.0.0.1:${good}`]), 2, /closed the connection without an answer: if it wants TLS, write https:\/\/ and give certificates/],
    [ask(good, { cert: client.cert, key: authority.key }), 1, /^netctl: the files for tls-ca, tls-cert and tls-key cannot be used together: .*key values mismatch/],
    [ask(good, { cert: client.key, key: client.key }), 1, /^netctl: the files for tls-ca, tls-cert and tls-key cannot be used together: /],
  ];
  for (const [running, code, sentence] of table) {
    const { stderr, code: ended } = await running;
    t.match(stderr, sentence);
    t.equal(ended, code, sentence.source);
  }
});
