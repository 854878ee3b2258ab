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
  /** The bare connections below those that TLS has not set up yet, by the client's address. */
  readonly #handshakes = new Map<string, Socket>();
  #closing = false;

  /** @param server from its beginning: connections that it already has are not known. */
  constructor(private readonly server: Server) {
    // Only a TLS server has it. To ask for its class would be to load it.
    if ('setSecureContext' in server) {
      server.on('connection', (socket: Socket) => this.#beginHandshake(socket));
      server.on('secureConnection', (socket: Socket) => {
        this.#handshakes.delete(remoteOf(socket));
        this.#track(socket);
      });
    } else {
      server.on('connection', (socket: Socket) => this.#track(socket));
    }
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
    for (const socket of [...this.#idle, ...this.#handshakes.values()]) socket.destroy();
    const deadline = setTimeout(() => this.server.closeAllConnections(), patience);
    await closed;
    clearTimeout(deadline);
  }

  #track(socket: Socket): void {
    this.#idle.add(socket);
    socket.once('close', () => this.#idle.delete(socket));
  }

  #beginHandshake(socket: Socket): void {
    const remote = remoteOf(socket);
    this.#handshakes.set(remote, socket);
    socket.once('close', () => {
      if (this.#handshakes.get(remote) === socket) this.#handshakes.delete(remote);
    });
  }

  #answered(socket: Socket): void {
    if (this.#closing) socket.destroySoon();
    else if (!socket.destroyed) this.#idle.add(socket);
  }
}

/** Node.js does not say which bare connection is below one of TLS; the client's address and port do. */
function remoteOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
