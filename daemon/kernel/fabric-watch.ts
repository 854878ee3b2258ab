import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { isPortName } from '../../src/fabric/names.js';
import { unavailable } from '../../src/model/errors.js';
import { attributesOf, textOf } from './netlink-reader.js';
import { inNamespace } from './netns.js';
import { larger, type FabricChange } from './port.js';

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

const [RTM_NEWLINK, RTM_DELLINK, RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEIGH, RTM_DELNEIGH] = [16, 17, 24, 25, 28, 29];
const AF_BRIDGE = 7;
/** NUD_FAILED, NUD_NOARP and NUD_PERMANENT, as states of an entry, and NTF_SELF, as a flag of it (linux/neighbour.h). */
const [failed, noArp, permanent, self] = [0x20, 0x40, 0x80, 0x02];
const RTPROT_KERNEL = 2;
const IFLA_IFNAME = 3;
const headerLength = 16;
/** Of struct ifinfomsg. */
const linkLength = 16;

/**
 * What the kernel tells about the links, addresses, routes and neighbours of a network namespace. It is
 * kept in a socket's buffer until somebody asks: nothing is done meanwhile, whatever happens there.
 */
export class FabricWatch {
  readonly #buffer = Buffer.alloc(0x1_0000);
  /** The indices of links of endpoints that it was told of. */
  readonly #ports = new Set<number>();

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
    return this.#drain((message) => (message.sender !== ownPort && !isLearned(message) ? 'anything' : 'nothing')) !== 'nothing';
  }

  /** The same of a router, of which netctl knows what in it follows from what: a container that comes or goes changes the link of its endpoint only. */
  changeOfRouter(ownPort: number): FabricChange {
    return this.#drain((message) => (message.sender === ownPort ? this.#learn(message) : this.#judge(message)));
  }

  /** A link that netctl makes may be one of an endpoint; what follows from it is told with another port number. */
  #learn(message: Message): FabricChange {
    if (message.type === RTM_NEWLINK || message.type === RTM_DELLINK) this.#isPort(message);
    return 'nothing';
  }

  #judge(message: Message): FabricChange {
    const { type, body } = message;
    if (type === RTM_NEWLINK || type === RTM_DELLINK) return this.#isPort(message) ? 'ports' : 'anything';
    // What addresses and links bring with them; those are told of, too.
    if (type === RTM_NEWROUTE || type === RTM_DELROUTE) return body[5] === RTPROT_KERNEL ? 'nothing' : 'anything';
    if (type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) return 'anything';
    // Neither neighbours nor fdb entries of such links are netctl's. An entry that somebody deletes fails first, which is told as his doing; then it goes, as nobody's.
    const isGone = type === RTM_DELNEIGH && message.sender === 0 && stateOf(body) === failed;
    return isGone || isLearned(message) || this.#ports.has(body.readInt32LE(4)) ? 'nothing' : 'anything';
  }

  /** Remembers of a link whether it is one of an endpoint, as long as it is there: that it goes is told last, but for its end as a port of the bridge, which is told before. */
  #isPort({ type, body }: Message): boolean {
    const index = body.readInt32LE(4);
    const isPort = isPortName(textOf(attributesOf(body.subarray(linkLength)).get(IFLA_IFNAME)));
    const isGone = type === RTM_DELLINK && body[0] !== AF_BRIDGE;
    if (isPort && !isGone) this.#ports.add(index);
    else this.#ports.delete(index);
    return isPort;
  }

  #drain(judge: (message: Message) => FabricChange): FabricChange {
    let change: FabricChange = 'nothing';
    for (;;) {
      const size = recv(this.fd, this.#buffer, this.#buffer.length, 0);
      if (size >= 0) for (const message of messagesIn(this.#buffer.subarray(0, size))) change = larger(change, judge(message));
      else if (koffi.errno() === constants.errno.EAGAIN) return change;
      // The buffer was full, and something is lost (ENOBUFS); whatever else it is, the kernel must be read.
      else if (koffi.errno() === constants.errno.ENOBUFS) change = 'anything';
      else if (koffi.errno() !== constants.errno.EINTR) return 'anything';
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}

interface Message {
  readonly type: number;
  /** The port number of the socket whose request it was; 0: of nobody's that the kernel knows. */
  readonly sender: number;
  /** What is behind the header. */
  readonly body: Buffer;
}

function* messagesIn(octets: Buffer): Generator<Message> {
  for (let offset = 0; offset + headerLength < octets.length; ) {
    const length = Math.max(headerLength, octets.readUInt32LE(offset));
    yield { type: octets.readUInt16LE(offset + 4), sender: octets.readUInt32LE(offset + 12), body: octets.subarray(offset + headerLength, offset + length) };
    offset += (length + 3) & ~3;
  }
}

/**
 * What a bridge learns of the frames that pass it is told as neighbours of its own family, and is no change. Of what somebody sets there it is
 * not told whose doing it is.
 */
function isLearned({ type, body }: Message): boolean {
  if (type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) return false;
  const isFixed = ((body[10] ?? 0) & self) !== 0 || (stateOf(body) & (noArp | permanent)) === noArp;
  return body[0] === AF_BRIDGE && !isFixed;
}

/** @param neighbour a struct ndmsg: its family is the first octet, then its link's index is the fifth to eighth, the state the ninth, the flags the eleventh. */
function stateOf(neighbour: Buffer): number {
  return neighbour[8] ?? 0;
}

function lastError(): string {
  return getSystemErrorName(-koffi.errno());
}
