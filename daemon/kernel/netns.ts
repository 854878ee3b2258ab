import { closeSync, openSync, statfsSync, statSync, writeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { unavailable } from '../../src/model/errors.js';

/** Where `ip netns` keeps its namespaces: one file each, with the namespace mounted on it. */
export const namespaceDirectory = '/run/netns';

const routerPrefix = 'netctl-';

/** The name of a tenant's router for `ip netns`. At most 71 characters: a file name may have 255. */
export function routerName(tenant: string): string {
  return `${routerPrefix}${tenant}`;
}

/** The file that holds a tenant's router, for {@link inNamespace}. */
export function routerPath(tenant: string): string {
  return `${namespaceDirectory}/${routerName(tenant)}`;
}

/** The tenant whose router has this name, if it is a router's. */
export function tenantOfRouter(name: string): string | undefined {
  return name.startsWith(routerPrefix) && name.length > routerPrefix.length ? name.slice(routerPrefix.length) : undefined;
}

/** statfs(2)'s type of a file on which a namespace is mounted: NSFS_MAGIC of linux/magic.h. */
const namespaceFileSystem = 0x6e73_6673;

/** Whether the file holds a namespace. @throws NetctlError `unavailable` if that cannot be learnt. */
export function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === namespaceFileSystem;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unavailable(`${path} cannot be read`, error);
  }
}

/**
 * Tells namespaces apart, by the file that holds them: by its inode (namespaces(7)), whose number is not used
 * again while the namespace is open somewhere. The same for all files that do not exist.
 */
export function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? { dev: 0n, ino: 0n };
  return `${dev}:${ino}`;
}

const CLONE_NEWNET = 0x4000_0000;
/** setns(2) moves the calling thread only: here the main thread, on which all JavaScript of the process runs. */
const setns = koffi.load(null).func('int setns(int fd, int type)') as (fd: number, type: number) => number;

/**
 * Calls `work` with the thread in the network namespace `path`, and returns to where it was. Sockets
 * that `work` opens stay in that namespace for ever; processes that it starts are born in it;
 * `/proc/sys/net` is that namespace's. Without a path `work` is only called.
 *
 * `work` must be synchronous in all it does: whatever the event loop ran meanwhile would run in the
 * wrong namespace. A promise as its result is a bug, for which a TypeError is thrown.
 * @throws NetctlError `unavailable` if there is no such namespace, and whatever `work` throws.
 */
export function inNamespace<T>(path: string | undefined, work: () => T): T {
  if (path === undefined) return settled(work());
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(path);
    try {
      return settled(work());
    } finally {
      goBack(own);
    }
  } finally {
    closeSync(own);
  }
}

function enter(path: string): void {
  const other = openNamespace(path);
  try {
    if (setns(other, CLONE_NEWNET) === 0) return;
    const reason = getSystemErrorName(-koffi.errno());
    throw unavailable(`the network namespace ${path} cannot be entered: setns says ${reason}`);
  } finally {
    closeSync(other);
  }
}

function openNamespace(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw unavailable(`the network namespace ${path} cannot be opened`, cause);
  }
}

/** A daemon that went on in a tenant's namespace would program the wrong kernel tables: better no daemon. */
function goBack(own: number): void {
  if (setns(own, CLONE_NEWNET) === 0) return;
  writeSync(2, `netctl: cannot return to the host's network namespace (${getSystemErrorName(-koffi.errno())}), aborting\n`);
  process.abort();
}

function settled<T>(result: T): T {
  const isPromise = typeof result === 'object' && result !== null && 'then' in result;
  if (isPromise) throw new TypeError('work in another network namespace must not be asynchronous');
  return result;
}
