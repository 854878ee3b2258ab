import { invalid, unavailable, type NetctlError } from '../../src/model/errors.js';

/**
 * What a failure asks for: `away`: try again, better at another endpoint; `token`: log in anew; `login`: user or password are wrong;
 * `forbidden`: the user may not; `compacted`: what was asked for is forgotten; `no-lease`: it has run out; `full`: etcd takes no more
 * data; `large`: more than etcd takes in one request; `other`: none of these.
 */
export type FailureKind = 'away' | 'token' | 'login' | 'forbidden' | 'compacted' | 'no-lease' | 'full' | 'large' | 'other';

export class EtcdFailure extends Error {
  override readonly name = 'EtcdFailure';
  /** @param before it is certain that the request was not carried out. */
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly before: boolean,
  ) {
    super(message);
  }
}

/** What etcd says, as its server/etcdserver/api/v3rpc/rpctypes has it; gRPC's codes alone do not tell these apart. */
const sayings: readonly (readonly [RegExp, FailureKind])[] = [
  [/invalid auth token|revision of auth store is old|user name is empty/, 'token'],
  [/authentication failed|auth: user .* not found/, 'login'],
  [/permission denied/, 'forbidden'],
  [/required revision has been compacted/, 'compacted'],
  [/requested lease not found/, 'no-lease'],
  [/database space exceeded/, 'full'],
  [/request is too large|too many operations in txn request|received message larger than max/, 'large'],
  // With the metadata "hasleader" a member that has no leader says so before it does anything.
  [/no leader/, 'away'],
];

/** CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL (a stream that was reset) and UNAVAILABLE. */
const awayCodes: readonly number[] = [1, 2, 4, 13, 14];

/** @param error as grpc-js makes it. */
export function failureOf(error: unknown): EtcdFailure {
  if (error instanceof EtcdFailure) return error;
  const { code, details, message } = error as { readonly code?: number; readonly details?: string; readonly message?: string };
  const text = (details || message) ?? String(error);
  const kind = sayings.find(([pattern]) => pattern.test(text))?.[1] ?? (code !== undefined && awayCodes.includes(code) ? 'away' : 'other');
  // grpc-js fails a call like this when there is no connection to send it on.
  const before = kind === 'away' ? /no leader|No connection established/.test(text) : true;
  return new EtcdFailure(kind, wording(text), before);
}

/** The reason alone, of what is around it. */
function wording(text: string): string {
  return text.replace(/^etcdserver: /, '').replace(/^No connection established\. Last error: (Error: )?/, '').replace(/\. Resolution note: *$/, '').replace(/^Deadline exceeded.*/s, 'no answer in time');
}

/** What a user is told. @param name how etcd is called: its endpoints. */
export function explained(failure: EtcdFailure, name: string): NetctlError {
  const { kind, message } = failure;
  switch (kind) {
    case 'away':
      return unavailable(`${name} does not answer (${message}): nothing can be changed until it does; what runs goes on, and netctld continues by itself then`, failure);
    case 'token':
    case 'login':
      return unavailable(`${name} does not accept the login (${message}): see --etcd-user and --etcd-password-file`, failure);
    case 'forbidden':
      return unavailable(`${name} does not permit this (${message}): grant the role of --etcd-user readwrite on all keys below --etcd-prefix`, failure);
    case 'full':
      return unavailable(`${name} takes no more data (${message}): compact and defragment it, then run "etcdctl alarm disarm"`, failure);
    case 'large':
      return invalid(`this is more than ${name} takes at once (${message}): see etcd's --max-request-bytes and --max-txn-ops`);
    case 'no-lease':
    case 'compacted':
    case 'other':
      return unavailable(`${name} refuses: ${message}`, failure);
  }
}

