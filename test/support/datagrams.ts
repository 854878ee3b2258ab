import { closeSync } from 'node:fs';
import koffi from 'koffi';

// Node.js has no datagrams on Unix sockets, which is how a service manager is notified: this is the manager's end.

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (...args: number[]) => number;
const bind = libc.func('int bind(int fd, const void *address, uint32_t length)') as (fd: number, address: Buffer, length: number) => number;
const recv = libc.func('intptr_t recv(int fd, _Out_ void *text, size_t length, int flags)') as (fd: number, text: Buffer, length: number, flags: number) => number;

const [AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 0x40];

/** Receives what is sent to a Unix socket, whose name is abstract if it begins with `@`. */
export class Datagrams {
  readonly #fd = socket(AF_UNIX, SOCK_DGRAM, 0);

  constructor(path: string) {
    const address = Buffer.from(`\u0001\0${path.replace(/^@/, '\0')}`);
    if (this.#fd < 0 || bind(this.#fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`);
  }

  /** All that has come since the last call, in order. */
  take(): string[] {
    const texts: string[] = [];
    const text = Buffer.alloc(4096);
    for (let length = recv(this.#fd, text, text.length, MSG_DONTWAIT); length >= 0; length = recv(this.#fd, text, text.length, MSG_DONTWAIT)) {
      texts.push(text.toString('utf8', 0, length));
    }
    return texts;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
