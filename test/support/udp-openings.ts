import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { inNamespace } from '../../daemon/kernel/netns.js';

// A hundred thousand connections in a second or two: Node.js would have to open a socket for each.

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (...args: number[]) => number;
const sendto = libc.func('intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t addressLength)') as (
  ...args: [fd: number, data: Buffer, length: number, flags: number, address: Buffer, addressLength: number]
) => number;

const [AF_INET, SOCK_RAW, IPPROTO_RAW, UDP] = [2, 3, 255, 17];
const headers = 20 + 8;

/** Sends IPv4 datagrams with any source (raw(7): with IPPROTO_RAW the header is the sender's; the kernel adds its length and checksum). */
export class UdpOpenings {
  readonly #fd: number;
  readonly #datagram = Buffer.alloc(headers);
  readonly #address = Buffer.alloc(16);

  /** @param namespace the file that holds it. */
  constructor(namespace: string) {
    this.#fd = inNamespace(namespace, () => socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    if (this.#fd < 0) throw new Error('no raw socket could be opened: root may');
    // Version 4 and five words of header; 64 hops; a UDP checksum of 0 is none (RFC 768).
    this.#datagram[0] = 0x45;
    this.#datagram[8] = 64;
    this.#datagram[9] = UDP;
    this.#datagram.writeUInt16BE(8, 24);
    this.#address.writeUInt16LE(AF_INET, 0);
  }

  /** One empty datagram; addresses are numbers of 32 bits. */
  send(from: { readonly address: number; readonly port: number }, to: { readonly address: number; readonly port: number }): void {
    this.#datagram.writeUInt32BE(from.address, 12);
    this.#datagram.writeUInt32BE(to.address, 16);
    this.#datagram.writeUInt16BE(from.port, 20);
    this.#datagram.writeUInt16BE(to.port, 22);
    this.#address.writeUInt32BE(to.address, 4);
    if (sendto(this.#fd, this.#datagram, headers, 0, this.#address, this.#address.length) !== headers) throw new Error('a datagram could not be sent');
  }

  close(): void {
    closeSync(this.#fd);
  }
}
