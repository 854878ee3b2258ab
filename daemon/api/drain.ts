import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Closes an HTTP server the polite way: requests under way are answered, everybody else's
 * connection ends. Node's own `close` waits for connections that have not sent a request yet, and
 * keeps those whose request ends later alive for the next one.
 */
export class Drain {
  readonly #idle = new Set<Socket>();
  #closing = false;

  /** @param server from its beginning: connections that it already has are not known. */
  constructor(private readonly server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#idle.add(socket);
      socket.once('close', () => this.#idle.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#idle.delete(socket);
      response.once('close', () => this.#answered(socket));
    });
  }

  /** @param patience how long to wait for requests under way, in milliseconds. */
  async close(patience: number): Promise<void> {
    this.#closing = true;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#idle) socket.destroy();
    const deadline = setTimeout(() => this.server.closeAllConnections(), patience);
    await closed;
    clearTimeout(deadline);
  }

  #answered(socket: Socket): void {
    if (this.#closing) socket.destroySoon();
    else if (!socket.destroyed) this.#idle.add(socket);
  }
}
