import { Agent, request } from 'node:http';

/** Asks over a Unix socket, by connections that stay open, as a client does that asks often. */
export class Rest {
  /** Of what is not used for half a minute, netctld could end a connection just when it is asked by it: Node.js takes the word of a server for how long it waits only if there is a limit here. */
  private readonly agent = new Agent({ keepAlive: true, timeout: 30_000 });

  constructor(private readonly socketPath: string) {}

  /** What is answered. @throws Error unless it is a success. */
  ask(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: object): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = body ? { 'Content-Type': 'application/json' } : {};
      const asked = request({ socketPath: this.socketPath, agent: this.agent, method, path, headers, signal: AbortSignal.timeout(60_000) }, (response) => {
        let text = '';
        response.on('data', (data: Buffer) => (text += data.toString()));
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode >= 200 && statusCode < 300) resolve(text);
          else reject(new Error(`${method} ${path}: ${statusCode} ${text}`));
        });
        response.on('error', reject);
      });
      asked.on('error', reject);
      asked.end(body && JSON.stringify(body));
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
