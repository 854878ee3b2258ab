import { checkError, createRtNetlink, Flags, FlagsGet, formatMessage, MessageType, rt, type NetlinkMessage, type RtNetlinkSocket } from 'netlink';
import { unavailable } from '../../src/model/errors.js';
import { inNamespace } from './netns.js';
import { asRefusal, KernelRefusal } from './rtnetlink-errors.js';

/** Milliseconds. The kernel answers within microseconds, unless someone holds its network lock for long. */
const requestTimeout = 10_000;
/** A dump is interrupted when what it lists changes meanwhile; that often in a row is no accident. */
const dumpAttempts = 20;

/** So many requests are sent at once: should all of them be refused, what the kernel says of them fits into the socket's buffer. */
const atOnce = 100;

type Request<T> = (socket: RtNetlinkSocket, options: { timeout: number }) => Promise<T>;

/**
 * An rtnetlink socket in a network namespace. Requests are sent one after the other: the kernel
 * refuses a second dump on a socket while the first is read (EBUSY). Rejections are KernelRefusals,
 * or NetctlErrors if the socket itself failed.
 */
export class Rtnetlink {
  #last: Promise<unknown> = Promise.resolve();
  #broken?: Error;

  private constructor(private readonly socket: RtNetlinkSocket) {
    socket.socket.on('error', (error) => this.#break(error));
  }

  /** @param namespace the file of the namespace; absent: the process's own. */
  static open(namespace?: string): Rtnetlink {
    return new Rtnetlink(inNamespace(namespace, () => createRtNetlink()));
  }

  /** A socket that failed once answers nothing any more: open another. */
  get usable(): boolean {
    return this.#broken === undefined;
  }

  /** What the kernel calls the socket: it is in what the kernel tells others of our requests. */
  get port(): number {
    return this.socket.socket.address().port;
  }

  request<T>(request: Request<T>): Promise<T> {
    const result = this.#last.then(() => this.#run(request));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /**
   * Many requests of one kind, by which the kernel answers nothing but that it is done: it carries them out one after the other, also behind one that it
   * refuses. For thousands, as one by one each takes a turn of the event loop.
   * @param payloads what is behind the messages' headers.
   * @returns why it refused which of them.
   */
  async requestAll(type: number, payloads: readonly Uint8Array[], flags: number): Promise<Map<number, KernelRefusal>> {
    const refusals = new Map<number, KernelRefusal>();
    for (let start = 0; start < payloads.length; start += atOnce) {
      const refused = await this.request((socket, options) => sendAll(socket, type, payloads.slice(start, start + atOnce), { ...options, flags }));
      for (const [index, refusal] of refused) refusals.set(start + index, refusal);
    }
    return refusals;
  }

  /** All links, addresses, routes or neighbours, as one consistent list. @param family 0: every one. */
  async dump<K extends keyof Dumps>(what: K, family = 0): Promise<Dumps[K][]> {
    const { type, header, parse } = dumps[what];
    for (let attempt = 1; attempt <= dumpAttempts; attempt++) {
      const messages = await this.request((socket, options) => dumpOnce(socket, type, header(family), options));
      if (!messages.some(({ flags }) => flags & Flags.DUMP_INTR)) return messages.map(({ data }) => parse(data));
    }
    throw unavailable(`the kernel's ${what} change faster than they can be read`);
  }

  /** Refuses further requests, waits for the one that is under way, and closes the socket. */
  async close(): Promise<void> {
    this.#broken ??= unavailable('the netlink socket is closed');
    await this.#last;
    this.socket.socket.close();
  }

  async #run<T>(request: Request<T>): Promise<T> {
    if (this.#broken) throw this.#broken;
    try {
      return await request(this.socket, { timeout: requestTimeout });
    } catch (error) {
      const reason = asRefusal(error);
      // Without an answer the socket is of no use: a late one must not be taken for the answer to a later request.
      throw reason instanceof KernelRefusal ? reason : this.#break(error);
    }
  }

  #break(cause: unknown): Error {
    this.#broken ??= unavailable('the kernel did not answer a netlink request', cause);
    this.socket.socket.close();
    return this.#broken;
  }
}

interface Dumps {
  links: rt.LinkMessage;
  addresses: rt.AddressMessage;
  routes: rt.RouteMessage;
  neighbours: rt.NeighborMessage;
}

/** For each list: the request's type, its fixed header, and how to parse an answer. */
const dumps: { [K in keyof Dumps]: { type: rt.MessageType; header: (family: number) => Buffer; parse: (data: Buffer) => Dumps[K] } } = {
  links: { type: rt.MessageType.GETLINK, header: (family) => rt.formatLink({ family }), parse: rt.parseLinkMessage },
  addresses: { type: rt.MessageType.GETADDR, header: (family) => rt.formatAddress({ family }), parse: rt.parseAddressMessage },
  routes: { type: rt.MessageType.GETROUTE, header: (family) => rt.formatRoute({ family }), parse: rt.parseRouteMessage },
  neighbours: { type: rt.MessageType.GETNEIGH, header: (family) => rt.formatNeighbor({ family }), parse: rt.parseNeighborMessage },
};

/** All but the last in one datagram, and without an acknowledgement; when that of the last one is there, those that were refused are known. */
async function sendAll({ socket }: RtNetlinkSocket, type: number, payloads: readonly Uint8Array[], options: { timeout: number; flags: number }): Promise<Map<number, KernelRefusal>> {
  const refused = new Map<number, KernelRefusal>();
  const [last] = payloads.slice(-1);
  if (!last) return refused;
  const { port } = socket.address();
  const indexes = new Map(payloads.slice(0, -1).map((_, index) => [socket.generateSeq(), index]));
  const listen = (messages: readonly NetlinkMessage[]): void => {
    for (const message of messages.filter(({ seq, type }) => indexes.has(seq) && type === (MessageType.ERROR as number))) refused.set(indexes.get(message.seq) ?? 0, refusalIn(message));
  };
  socket.on('message', listen);
  try {
    const flags = options.flags | Flags.REQUEST;
    const messages = [...indexes].flatMap(([seq, index]) => formatMessage({ type, flags, seq, port, data: [payloads[index] ?? last] }));
    if (messages.length > 0) socket.socket.send(Buffer.concat(messages));
    await socket.request(type, last, options);
  } catch (error) {
    const reason = asRefusal(error);
    if (!(reason instanceof KernelRefusal)) throw error;
    refused.set(payloads.length - 1, reason);
  } finally {
    socket.off('message', listen);
  }
  return refused;
}

function refusalIn(message: NetlinkMessage): KernelRefusal {
  try {
    checkError(message);
  } catch (error) {
    const reason = asRefusal(error);
    if (reason instanceof KernelRefusal) return reason;
    throw error;
  }
  throw new TypeError('the kernel acknowledged what it was not asked to');
}

/** The package's own dump functions drop the messages' headers, and with them the mark of an interrupted dump. */
async function dumpOnce(socket: RtNetlinkSocket, type: number, header: Buffer, options: { timeout: number }): Promise<NetlinkMessage[]> {
  const [messages] = await socket.socket.request(type, header, { ...options, flags: FlagsGet.DUMP });
  return messages;
}
