import { statSync } from 'node:fs';
import { routerPath } from './netns.js';
import { Rtnetlink } from './rtnetlink.js';

/** The rtnetlink sockets of the routers, one each, and one of the host's own namespace. Opened when first asked for. */
export class RtnetlinkSockets {
  readonly #routers = new Map<string, { socket: Rtnetlink; namespace: string }>();
  #host?: Rtnetlink;

  /**
   * The socket in a tenant's router. A router that was removed and made again behind our back is
   * another namespace under the same name: the old socket would still speak to the old one.
   * @throws NetctlError `unavailable` if there is no router.
   */
  async ofRouter(tenant: string): Promise<Rtnetlink> {
    const path = routerPath(tenant);
    const namespace = identityOf(path);
    const open = this.#routers.get(tenant);
    if (open?.namespace === namespace && open.socket.usable) return open.socket;
    const socket = Rtnetlink.open(path);
    this.#routers.set(tenant, { socket, namespace });
    await open?.socket.close();
    return socket;
  }

  ofHost(): Rtnetlink {
    if (!this.#host?.usable) this.#host = Rtnetlink.open();
    return this.#host;
  }

  async closeRouter(tenant: string): Promise<void> {
    const open = this.#routers.get(tenant);
    this.#routers.delete(tenant);
    await open?.socket.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#routers.keys()].map((tenant) => this.closeRouter(tenant)));
    await this.#host?.close();
  }
}

/** A namespace is identified by its inode (namespaces(7)); a number is not used again while the namespace is open. */
function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? { dev: 0n, ino: 0n };
  return `${dev}:${ino}`;
}
