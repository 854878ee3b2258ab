import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TlsOptions } from 'node:tls';
import { invalid, messageOf } from '../../src/model/errors.js';

/** The files that let the API be offered to other machines, all in PEM. */
export interface TlsFiles {
  /** The daemon's certificate; those of the authorities between it and the client's may follow it. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
  /** The authorities of the clients: whoever has a certificate of one of them may do everything. */
  readonly ca: string;
}

/** What a TLS server needs, beside a server's own options. */
export type TlsSettings = Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'requestCert' | 'rejectUnauthorized' | 'minVersion' | 'handshakeTimeout'>;

/** How long a client may take for its handshake, in milliseconds. */
const handshakeTimeout = 10_000;

/**
 * Reads the files and looks whether they will do, so that a mistake is told to whoever starts or reloads the daemon
 * and not to each client. OpenSSL verifies the clients' certificates, their dates and their purpose.
 *
 * @throws NetctlError `invalid`, naming the file, what is wrong with it and what it must hold.
 */
export function readTls(files: TlsFiles, now = new Date()): TlsSettings {
  const cert = readText(files.cert, 'certificate');
  const key = readText(files.key, 'private key');
  const ca = readText(files.ca, 'certificate authority');
  const [own, ...between] = certificates(files.cert, cert);
  for (const certificate of [own, ...between]) checkDates(files.cert, certificate, now);
  if (!own.checkPrivateKey(privateKey(files.key, key))) {
    throw invalid(`the key in ${files.key} does not belong to the certificate in ${files.cert}: give the two that were made together`);
  }
  for (const authority of certificates(files.ca, ca)) checkAuthority(files.ca, authority, now);
  // RFC 8996: TLS 1.0 and 1.1 must not be used.
  return { cert, key, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2', handshakeTimeout };
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`the ${what} ${path} cannot be read: ${messageOf(error)}`);
  }
}

function certificates(path: string, text: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  const [first, ...rest] = blocks.map((block) => certificate(path, block));
  if (first === undefined) throw invalid(`the file ${path} holds no certificate: it must be PEM, with "-----BEGIN CERTIFICATE-----"`);
  return [first, ...rest];
}

function certificate(path: string, block: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw invalid(`the certificate in ${path} is damaged: ${messageOf(error)}`);
  }
}

function privateKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw invalid(`the file ${path} holds no private key that can be used: it must be PEM and have no passphrase (${messageOf(error)})`);
  }
}

function checkDates(path: string, { subject, validFrom, validTo }: X509Certificate, now: Date): void {
  const name = subject.replaceAll('\n', ', ');
  if (now < new Date(validFrom)) throw invalid(`the certificate of ${name} in ${path} is not valid before ${validFrom}: wait, or look at the clock`);
  if (now > new Date(validTo)) throw invalid(`the certificate of ${name} in ${path} has expired on ${validTo}: renew it`);
}

function checkAuthority(path: string, authority: X509Certificate, now: Date): void {
  if (!authority.ca) {
    throw invalid(`the certificate of ${authority.subject.replaceAll('\n', ', ')} in ${path} is not one of an authority: give the one that the clients' certificates were signed with`);
  }
  checkDates(path, authority, now);
}
