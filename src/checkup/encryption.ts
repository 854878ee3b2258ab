import type { Finding } from './finding.js';

/** What is known of the encrypted connections of a host, where any network is encrypted. */
export interface EncryptionFacts {
  /** Why the host can have none. */
  readonly error: string | undefined;
  /** The other hosts that are there, by name: why there is no connection with them; undefined: there is one. */
  readonly others: ReadonlyMap<string, string | undefined>;
  /** UDP, of the host's first key. */
  readonly port: number;
}

export function judgeEncryption({ error, others, port }: EncryptionFacts): Finding[] {
  const check = 'encryption';
  if (error !== undefined) return [{ check, status: 'failed', message: error, remedy: 'until then no packet of an encrypted network leaves this host; netctld tries again by itself' }];
  const failed = [...others].flatMap(([name, reason]): Finding[] =>
    reason === undefined ? [] : [{ check, status: 'failed', message: `host ${name} is not reached: ${reason}`, remedy: `run "netctl doctor" there as well, and let the UDP ports ${port} and ${port + 1} through between the hosts` }],
  );
  const reached = [...others.keys()];
  return failed.length > 0 ? failed : [{ check, status: 'ok', message: reached.length === 0 ? 'no other host is there' : `there are encrypted connections with ${reached.join(', ')}` }];
}
