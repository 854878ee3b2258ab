import { createRtNetlink, Flags, FlagsGet, rt, type NetlinkMessage, type RtNetlinkSocket } from 'netlink';
import { unavailable } from '../../src/model/errors.js';
import { inNamespace } from './netns.js';
import { asRefusal, KernelRefusal } from './rtnetlink-errors.js';

/** Milliseconds. The kernel answers within microseconds, unless someone holds its network lock for long. */
const requestTimeout = 10_000;
/** A dump is interrupted when what it lists changes meanwhile; that often in a row is no accident. */
const dumpAttempts = 20;

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

/** The package's own dump functions drop the messages' headers, and with them the mark of an interrupted dump. */
async function dumpOnce(socket: RtNetlinkSocket, type: number, header: Buffer, options: { timeout: number }): Promise<NetlinkMessage[]> {
  const [messages] = await socket.socket.request(type, header, { ...options, flags: FlagsGet.DUMP });
  return messages;
}
