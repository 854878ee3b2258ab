import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An authority's certificate and key, or those that it issued, as files. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority of its own in a directory. */
export function makeAuthority(directory: string, name: string): Issued {
  const files = filesOf(directory, name);
  openssl('req', '-x509', ...newKey, '-keyout', files.key, '-out', files.cert, '-subj', `/CN=${name}`, '-days', '2');
  return files;
}

/** What a certificate is for, and how long. */
export interface Wishes {
  readonly usage: 'serverAuth' | 'clientAuth';
  /** The addresses that a server's is for. */
  readonly addresses?: readonly string[];
  /** From now on; a negative number makes one that has expired. */
  readonly days?: number;
}

export function issue(directory: string, authority: Issued, name: string, { usage, addresses = [], days = 2 }: Wishes): Issued {
  const files = filesOf(directory, name);
  const [request, extensions] = [join(directory, `${name}.csr`), join(directory, `${name}.ext`)];
  const alternatives = addresses.length === 0 ? '' : `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}\n`;
  writeFileSync(extensions, `basicConstraints=CA:FALSE\nextendedKeyUsage=${usage}\n${alternatives}`);
  openssl('req', ...newKey, '-keyout', files.key, '-out', request, '-subj', `/CN=${name}`);
  openssl('x509', '-req', '-in', request, '-out', files.cert, '-CA', authority.cert, '-CAkey', authority.key, '-extfile', extensions, '-days', String(days));
  return files;
}

function filesOf(directory: string, name: string): Issued {
  return { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
