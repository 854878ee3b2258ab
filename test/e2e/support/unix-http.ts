import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One HTTP request over a Unix socket. Rejects if it is not answered whole, within the time. */
export function ask(socketPath: string, method: string, path: string, body?: unknown, timeoutMs = 60_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const asked = request({ socketPath, method, path, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => (text += data.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
