import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { unavailable } from '../../src/model/errors.js';
import { inNamespace } from './netns.js';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number;
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)') as (fd: number, address: Buffer, length: number) => number;
const recv = libc.func('intptr_t recv(int fd, _Out_ uint8_t *buffer, size_t size, int flags)') as (fd: number, buffer: Buffer, size: number, flags: number) => number;

const AF_NETLINK = 16;
/** SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK */
const socketType = 0x3 | 0x8_0000 | 0x800;
const NETLINK_ROUTE = 0;
/** RTMGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR and _IPV6_ROUTE of linux/rtnetlink.h. */
const groups = 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400;

/** RTM_NEWNEIGH and RTM_DELNEIGH. */
const neighbourTypes: readonly number[] = [28, 29];
const AF_BRIDGE = 7;
/** NUD_NOARP and NUD_PERMANENT, as states of an entry, and NTF_SELF, as a flag of it (linux/neighbour.h). */
const [noArp, permanent, self] = [0x40, 0x80, 0x02];
const headerLength = 16;

/**
 * What the kernel tells about the links, addresses, routes and neighbours of a network namespace. It is
 * kept in a socket's buffer until somebody asks: nothing is done meanwhile, whatever happens there.
 */
export class FabricWatch {
  readonly #buffer = Buffer.alloc(0x1_0000);

  private constructor(private readonly fd: number) {}

  /** @param namespace the file of the namespace. @throws NetctlError `unavailable` */
  static open(namespace: string): FabricWatch {
    const fd = inNamespace(namespace, () => socket(AF_NETLINK, socketType, NETLINK_ROUTE));
    if (fd < 0) throw unavailable(`changes of the namespace ${namespace} cannot be watched: socket says ${lastError()}`);
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(groups, 8);
    if (bind(fd, address, address.length) === 0) return new FabricWatch(fd);
    const reason = lastError();
    closeSync(fd);
    throw unavailable(`changes of the namespace ${namespace} cannot be watched: bind says ${reason}`);
  }

  /**
   * Whether there was a change since the last call, other than by the requests of the socket with this
   * port number. The kernel does not say who changed a link or deleted a neighbour, nor whose doing a consequence is.
   */
  changed(ownPort: number): boolean {
    let changed = false;
    for (;;) {
      const size = recv(this.fd, this.#buffer, this.#buffer.length, 0);
      if (size >= 0) changed = countsIn(this.#buffer.subarray(0, size), ownPort) || changed;
      else if (koffi.errno() === constants.errno.EAGAIN) return changed;
      // The buffer was full, and something is lost (ENOBUFS); whatever else it is, the kernel must be read.
      else if (koffi.errno() === constants.errno.ENOBUFS) changed = true;
      else if (koffi.errno() !== constants.errno.EINTR) return true;
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

/**
 * What a bridge learns of the frames that pass it is told as neighbours of its own family, and is no change. Of what somebody sets there it is
 * not told whose doing it is.
 */
function countsIn(messages: Buffer, ownPort: number): boolean {
  for (let offset = 0; offset + headerLength < messages.length; ) {
    const length = messages.readUInt32LE(offset);
    const type = messages.readUInt16LE(offset + 4);
    const port = messages.readUInt32LE(offset + 12);
    const learned = neighbourTypes.includes(type) && isLearned(messages.subarray(offset + headerLength));
    if (port !== ownPort && !learned) return true;
    offset += Math.max(headerLength, (length + 3) & ~3);
  }
  return false;
}

/** @param message a struct ndmsg: its family is the first octet, the state the ninth, the flags the eleventh. */
function isLearned(message: Buffer): boolean {
  const [state, flags] = [message[8] ?? 0, message[10] ?? 0];
  const isFixed = (flags & self) !== 0 || (state & (noArp | permanent)) === noArp;
  return message[0] === AF_BRIDGE && !isFixed;
}

function lastError(): string {
  return getSystemErrorName(-koffi.errno());
}
