/**
 * The one list of error codes. The API maps each to an HTTP status, the CLI to an exit code;
 * nobody else decides from the text of a message.
 */
export const errorCodes = ['invalid', 'not-found', 'conflict', 'in-use', 'exhausted', 'unavailable', 'internal'] as const;
export type ErrorCode = (typeof errorCodes)[number];

/**
 * A refusal that a user can read and act on. The message is one sentence: what was refused, why,
 * and, where it is not obvious, what to do.
 */
export class NetctlError extends Error {
  override readonly name = 'NetctlError';
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export const invalid = (message: string): NetctlError => new NetctlError('invalid', message);
export const notFound = (message: string): NetctlError => new NetctlError('not-found', message);
export const conflict = (message: string): NetctlError => new NetctlError('conflict', message);
export const inUse = (message: string): NetctlError => new NetctlError('in-use', message);
export const unavailable = (message: string, cause?: unknown): NetctlError => new NetctlError('unavailable', message, { cause });

/** What to show of an unknown thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
