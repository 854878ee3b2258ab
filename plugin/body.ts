import type { IncomingMessage } from 'node:http';

/**
 * Docker lists every exposed and published port of a container in CreateEndpoint: 65,535 of each
 * are about 8 MB of JSON.
 */
export const bodyLimit = 16 * 1024 * 1024;

/**
 * The whole body as text, or undefined if it is larger than `limit` bytes. What is too large is
 * still read to its end, and dropped: a client that is cut off while it sends does not read the answer.
 */
export async function readBody(request: IncomingMessage, limit: number = bodyLimit): Promise<string | undefined> {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) chunks = [];
    else chunks.push(chunk);
  }
  return size > limit ? undefined : Buffer.concat(chunks).toString('utf8');
}
