import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { unavailable } from '../../src/model/errors.js';

const libc = koffi.load(null);
const getrlimit = libc.func('int getrlimit(int resource, _Out_ uint8_t *limit)') as (resource: number, limit: Buffer) => number;
const setrlimit = libc.func('int setrlimit(int resource, const uint8_t *limit)') as (resource: number, limit: Buffer) => number;

const RLIMIT_CORE = 4;

/**
 * The programs that this process starts from now on leave no core dumps: nft 1.0.6 has crashed on what newer
 * versions wrote, and is started again and again, each time with a file of megabytes. Only the soft limit is
 * lowered, so that a person may raise it again with prlimit.
 * @throws NetctlError `unavailable`
 */
export function forbidCoreDumps(): void {
  // struct rlimit: the soft limit and the hard one, of 64 bits each on every architecture that Node.js runs on.
  const limit = Buffer.alloc(16);
  if (getrlimit(RLIMIT_CORE, limit) !== 0) throw refused();
  limit.writeBigUInt64LE(0n, 0);
  if (setrlimit(RLIMIT_CORE, limit) !== 0) throw refused();
}

function refused(): Error {
  return unavailable(`the limit of core dumps cannot be set: ${getSystemErrorName(-koffi.errno())}`);
}
