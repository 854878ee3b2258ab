import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { conflict, messageOf, unavailable } from '../../src/model/errors.js';

/** Below /run as the namespaces are: whoever sees the same routers meets the same lock. */
const lockPath = '/run/netctl/netctld.lock';

const LOCK_EX = 2;
const LOCK_NB = 4;
const flock = koffi.load(null).func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;

/**
 * Makes this the only netctld of the host, until `release` is called or the process ends, in
 * whichever way. Routers are the host's, not a state's: a second netctld, with a state of its own,
 * would take the routers of the first for leftovers and remove them, and with them the links of
 * running containers.
 * @throws NetctlError `conflict` if there is another, `unavailable` if the file cannot be made.
 */
export function lockHost(path = lockPath): { readonly release: () => void } {
  const fd = openLock(path);
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return { release: () => closeSync(fd) };
  const reason = getSystemErrorName(-koffi.errno());
  closeSync(fd);
  if (reason === 'EAGAIN') throw conflict(`another netctld is running on this host (it holds ${path}): there can be one only, so stop it first`);
  throw unavailable(`cannot lock ${path}: ${reason}`);
}

/** Node opens files with O_CLOEXEC: no child process keeps the lock after us. */
function openLock(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw unavailable(`cannot open ${path}: ${messageOf(error)}`, error);
  }
}
