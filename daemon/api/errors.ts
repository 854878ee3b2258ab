import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { messageOf, NetctlError } from '../../src/model/errors.js';
import type { ErrorCode } from '../../src/model/errors.js';
import type { Logger } from '../log.js';

/** The one table from what went wrong to what HTTP calls it (RFC 9110, 15). */
export const statusOf: Record<ErrorCode, number> = {
  invalid: 400,
  'not-found': 404,
  conflict: 409,
  'in-use': 409,
  exhausted: 409,
  unavailable: 503,
  internal: 500,
};

/** The body limit, in bytes: a service with thousands of selectors and ports is far below. */
export const bodyLimit = 1024 * 1024;

/** In characters. Clients limit the length of a status line. */
const longestReason = 500;

/** Answers a failed request: the status of its code and one sentence as plain text. Bugs are logged whole. */
export function answerError(logger: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { status, sentence } = describe(error);
    const fields = { error, method: request.method, url: request.url };
    if (status === 500) logger.error(fields, 'a request failed unexpectedly');
    // With a cause it is a failure of something that netctld needs; without, it only is too early.
    else if (status === 503 && (error as Error).cause !== undefined) logger.warn(fields, 'a request failed');
    return refuse(reply, status, sentence);
  };
}

export function answerUnknownRoute(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const sentence = `there is no ${request.method} ${request.url}: /openapi.json lists what there is`;
  return refuse(reply, 404, sentence);
}

/**
 * The sentence is the body, and the reason phrase as well (RFC 9112, 4: any text of one line): of most
 * statuses Contiv's client shows its user the status line and does not read on.
 */
function refuse(reply: FastifyReply, status: number, sentence: string): FastifyReply {
  reply.raw.statusMessage = sentence.slice(0, longestReason).replace(/[^\x20-\x7e]/g, '?');
  return reply.code(status).type('text/plain; charset=utf-8').send(sentence);
}

function describe(error: unknown): { status: number; sentence: string } {
  if (error instanceof NetctlError) {
    const status = statusOf[error.code];
    return { status, sentence: status === 500 ? `internal error: ${error.message}` : error.message };
  }
  const { code, statusCode } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return { status: 413, sentence: `the request's body is too large: at most ${bodyLimit} bytes are allowed` };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, sentence: `the request is not understood: ${messageOf(error)}` };
  }
  return { status: 500, sentence: `internal error: ${messageOf(error)}` };
}
