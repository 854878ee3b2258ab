import { closeSync } from 'node:fs';
import { identityOf } from './netns.js';
import { openNfnetlink } from './nfnetlink.js';

/** The sockets to a namespace that nobody uses just now. */
interface Idle {
  readonly namespace: string;
  readonly sockets: number[];
}

/**
 * Sockets to the netfilter of routers, which stay open. To close one where something was just deleted takes 10 ms and more, in which the whole process waits: the
 * kernel first frees what was deleted (`nft_rcv_nl_event`, Linux 6.18). An open one keeps its namespace from going, so that who removes a router says so.
 */
export class NfnetlinkSockets {
  readonly #idle = new Map<string, Idle>();

  /**
   * Does something with a socket that nobody else uses meanwhile. If that throws, nothing is known of what the kernel still has to say there, and the socket is closed.
   * @param path the file of the namespace: one of the same name, made again behind our back, is another one.
   * @throws NetctlError `unavailable` if there is no such namespace, or no socket can be had; and whatever `work` throws.
   */
  async use<T>(path: string, work: (socket: number) => T | Promise<T>): Promise<T> {
    const idle = this.#idleOf(path);
    const socket = idle.sockets.pop() ?? openNfnetlink(path);
    let result: T;
    try {
      result = await work(socket);
    } catch (error) {
      closeSync(socket);
      throw error;
    }
    if (this.#idle.get(path) === idle) idle.sockets.push(socket);
    else closeSync(socket);
    return result;
  }

  /** Those that are used are closed when that ends. */
  close(path: string): void {
    const idle = this.#idle.get(path);
    this.#idle.delete(path);
    for (const socket of idle?.sockets ?? []) closeSync(socket);
  }

  #idleOf(path: string): Idle {
    const namespace = identityOf(path);
    const known = this.#idle.get(path);
    if (known?.namespace === namespace) return known;
    this.close(path);
    const idle = { namespace, sockets: [] };
    this.#idle.set(path, idle);
    return idle;
  }
}
