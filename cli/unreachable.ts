import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { messageOf } from '../src/model/errors.js';
import { Failure } from './failure.js';
import { describeTarget, type Target } from './target.js';

interface Attempt {
  /** Whether the request would have changed something. */
  readonly changes: boolean;
  /** How long an answer was waited for, in milliseconds. */
  readonly patience: number;
}

/** Why no answer came, told so that the user can do something about it. */
export function unreachable(error: unknown, target: Target, attempt: Attempt): Failure {
  return new Failure('request', sentence(error, target, attempt));
}

function sentence(error: unknown, target: Target, { changes, patience }: Attempt): string {
  const at = describeTarget(target);
  const code = codeOf(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return target.kind === 'unix'
        ? `netctld is not running at ${at}: start it, or name its address with --host`
        : `netctld is not listening at ${at}: start it with "--listen ${target.hostname}:${target.port}", or name its address with --host`;
    case 'EACCES':
    case 'EPERM':
      return `permission to use ${at} was denied: ${wayIn(at)}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `netctld cannot be reached at ${at}: the name of the host is not known, so check the address given with --host`;
    case 'ABORT_ERR':
    case 'ETIMEDOUT':
      return `netctld at ${at} did not answer within ${patience / 1000} seconds: ${changes ? mayStillHappen : 'see its log'}`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `netctld at ${at} closed the connection without an answer: ${changes ? mayStillHappen : whyClosed[target.kind]}`;
    default:
      if (target.kind === 'https') return tlsSentence(code, at, error);
      return `netctld cannot be reached at ${at}: ${messageOf(error)}`;
  }
}

/** Codes of Node.js and, after ERR_SSL_, of OpenSSL: an alert is what the other end has to say. */
function tlsSentence(code: string | undefined, at: string, error: unknown): string {
  const reason = `${code ?? ''} ${messageOf(error)}`;
  if (/alert/i.test(reason)) return `netctld at ${at} refused the certificate given with --tls-cert (${messageOf(error)}): ${goodCertificate}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `the certificate of netctld at ${at} is for another name: address it by a name or an address that the certificate has (${messageOf(error)})`;
  if (code === 'CERT_HAS_EXPIRED') return `the certificate of netctld at ${at}, or of its authority, has expired: renew it`;
  if (/wrong.version.number|packet.length/i.test(reason)) return `what listens at ${at} does not speak TLS: check the address, or write http://`;
  if (/^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/.test(reason)) return `the certificate of netctld at ${at} is not of an authority given with --tls-ca (${messageOf(error)}): check that it is the right one, and the address`;
  return `TLS with netctld at ${at} failed: ${messageOf(error)}`;
}

const goodCertificate = 'it must be valid, for clients, and of the authority that netctld was given with its own --tls-ca';

const whyClosed = {
  unix: 'see its log',
  http: 'if it wants TLS, write https:// and give certificates, else see its log',
  // TLS 1.3 lets a client send its request before the other end has looked at its certificate; what that says then gets lost.
  https: `it may have refused the certificate given with --tls-cert, as its log tells: ${goodCertificate}`,
};

const mayStillHappen = 'the change may have been made, so look before trying again';

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // AbortSignal.timeout's reason has the numeric code of a DOMException; the request's own error has ABORT_ERR.
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'ABORT_ERR';
  return (error as NodeJS.ErrnoException).code;
}

function wayIn(socket: string): string {
  const group = groupOf(socket);
  if (group === undefined || group === 'root') return 'use sudo';
  return `use sudo, or join its group with "sudo usermod -aG ${group} ${userName()}" and log in again`;
}

/** The name of the group that may use the socket; undefined if even that may not be known. */
function groupOf(socket: string): string | undefined {
  try {
    const { gid } = statSync(socket);
    const entries = readFileSync('/etc/group', 'utf8').split('\n').map((line) => line.split(':'));
    return entries.find((entry) => entry[2] === String(gid))?.[0];
  } catch {
    return undefined;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // The user has no entry in /etc/passwd.
    return 'USER';
  }
}
