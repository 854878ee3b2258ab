import { messageOf, NetctlError } from '../../src/model/errors.js';

/** The kernel refused a request. `errno` is its reason as libuv names it: `EEXIST`, but `ENOTSUP` for EOPNOTSUPP. */
export class KernelRefusal extends Error {
  override readonly name = 'KernelRefusal';
  constructor(readonly errno: string) {
    super(`the kernel refused it with ${errno}`);
  }
}

/** The netlink package says a refusal's reason only in its text. */
const refusalText = /^Request rejected: (-?[A-Z0-9]+)$/;

/** A rejection of the netlink package as a {@link KernelRefusal}; anything else unchanged. */
export function asRefusal(error: unknown): unknown {
  const errno = error instanceof Error ? refusalText.exec(error.message)?.[1] : undefined;
  return errno === undefined ? error : new KernelRefusal(errno);
}

/** Awaits the request, and takes a refusal with one of these reasons for success. */
export async function tolerating(errnos: readonly string[], request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof KernelRefusal && errnos.includes(error.errno))) throw error;
  }
}

/** What a caller of the adapter gets. @param what the thing that failed, as in "cannot WHAT". */
export function kernelError(what: string, cause: unknown): NetctlError {
  if (cause instanceof NetctlError) return cause;
  return new NetctlError(codeOf(cause), `cannot ${what}: ${messageOf(cause)}`, { cause });
}

/** What the kernel cannot do now it may do later; what it calls malformed never works and is a bug of ours. */
function codeOf(cause: unknown): 'unavailable' | 'internal' {
  const malformed = ['EINVAL', 'ERANGE', 'EAFNOSUPPORT', 'ENOTSUP', 'EMSGSIZE'];
  return cause instanceof KernelRefusal && malformed.includes(cause.errno) ? 'internal' : 'unavailable';
}
