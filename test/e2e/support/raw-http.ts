import { connect } from 'node:net';

export interface RawAnswer {
  /** Undefined: the connection ended without an answer. */
  readonly status: number | undefined;
  readonly text: string;
  readonly ms: number;
}

/**
 * Sends these bytes over a Unix socket and waits for the answer's end, as long as it takes; nothing is corrected on
 * the way. A body that is shorter than its declared length ends with the connection.
 */
export function sendRaw(socketPath: string, head: string, body: string | Buffer, mostMs = 30_000): Promise<RawAnswer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(socketPath);
    const end = (reason: string): void => {
      socket.destroy();
      const text = Buffer.concat(chunks).toString();
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      resolve({ status: status === undefined ? undefined : Number(status), text: status === undefined ? reason : bodyOf(text), ms: performance.now() - started });
    };
    socket.setTimeout(mostMs, () => end('time-out'));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error) => end(error.message));
    socket.on('end', () => end('the end of the connection'));
    // Whole: to write once more to somebody who has answered and gone would lose his answer.
    socket.write(Buffer.concat([Buffer.from(head), Buffer.from(body)]));
  });
}

/** A request as HTTP has it. @param length what is declared; absent: the true one. */
export function requestHead(method: string, path: string, body: string, length = Buffer.byteLength(body)): string {
  return `${method} ${path} HTTP/1.1\r\nHost: fuzz\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
}

function bodyOf(answer: string): string {
  const end = answer.indexOf('\r\n\r\n');
  const body = answer.slice(end + 4);
  return /^transfer-encoding: chunked\r?$/im.test(answer.slice(0, end)) ? dechunked(body) : body;
}

/** The pieces without their lengths, which stand before each in hexadecimal digits (RFC 9112, section 7.1); texts here are of one piece or few. */
function dechunked(body: string): string {
  const pieces = /^([0-9a-f]+)\r\n/i.exec(body);
  if (!pieces?.[1] || Number.parseInt(pieces[1], 16) === 0) return '';
  const octets = Buffer.from(body.slice(pieces[0].length));
  const length = Number.parseInt(pieces[1], 16);
  return octets.subarray(0, length).toString() + dechunked(octets.subarray(length + 2).toString());
}
