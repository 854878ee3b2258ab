import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../src/model/errors.js';
import type { Values } from './command.js';
import { usageError } from './failure.js';
import type { globalFlags } from './flags.js';
import type { Target } from './target.js';

/** What a client shows a netctld on TCP, and what it believes it by: PEM, as node:https takes it. */
export interface Certificates {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The variable that names a directory with all of them, under the names that Docker's client has for its own. */
const directoryVariable = 'NETCTL_CERT_PATH';

/** Each file: its flag, and its name in the directory. */
const places = { ca: ['tls-ca', 'ca.pem'], cert: ['tls-cert', 'cert.pem'], key: ['tls-key', 'key.pem'] } as const;

/**
 * The target with the certificates that it needs: those of the flags, or else of the directory NETCTL_CERT_PATH. Targets that are not
 * https need none, and for them nothing is read.
 * @throws Failure `usage` if one is not named or cannot be read, or if they do not belong together.
 */
export async function withCertificates(target: Target, values: Values<typeof globalFlags>, environment: NodeJS.ProcessEnv): Promise<Target> {
  if (target.kind !== 'https') {
    const flag = Object.values(places).map(([name]) => name).find((name) => values[name] !== undefined);
    if (flag !== undefined) throw usageError(`--${flag} is given, but netctld is not addressed by https: write --host https://HOST:PORT, or leave it out`);
    return target;
  }
  const read = (place: keyof Certificates): Buffer => readCertificate(place, values, environment[directoryVariable]);
  const certificates = { ca: read('ca'), cert: read('cert'), key: read('key') };
  await check(certificates);
  return { ...target, certificates };
}

/** OpenSSL reads them as it will for the connection, where the same error would look like one of the other end. */
async function check(certificates: Certificates): Promise<void> {
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext(certificates);
  } catch (error) {
    throw usageError(`the files for tls-ca, tls-cert and tls-key cannot be used together: ${messageOf(error)}`);
  }
}

function readCertificate(place: keyof Certificates, values: Values<typeof globalFlags>, directory: string | undefined): Buffer {
  const [flag, file] = places[place];
  const path = values[flag] ?? (directory ? join(directory, file) : undefined);
  if (path === undefined) {
    throw usageError(`${flag} is missing, and netctld shows and wants certificates on https: give --tls-ca, --tls-cert and --tls-key, or set ${directoryVariable} to a directory with ca.pem, cert.pem and key.pem`);
  }
  try {
    return readFileSync(path);
  } catch (error) {
    throw usageError(`the file for ${flag} cannot be read: ${messageOf(error)}`);
  }
}
