import { FabricWatch } from './fabric-watch.js';
import { identityOf, routerPath } from './netns.js';
import type { FabricChange } from './port.js';
import { Rtnetlink } from './rtnetlink.js';

interface Router {
  readonly socket: Rtnetlink;
  readonly namespace: string;
  readonly watch: FabricWatch;
  /** Whether it was asked what changed. */
  asked: boolean;
}

/** The rtnetlink sockets of the routers, and one of the host's own namespace. Opened when first asked for. */
export class RtnetlinkSockets {
  readonly #routers = new Map<string, Router>();
  #host?: Rtnetlink;

  /** @param host the file of the host's own namespace; absent: the one of this process. */
  constructor(private readonly host?: string) {}

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
    const watch = FabricWatch.open(path);
    const socket = Rtnetlink.open(path);
    this.#routers.set(tenant, { socket, namespace, watch, asked: false });
    open?.watch.close();
    await open?.socket.close();
    return socket;
  }

  /** What others than its socket may have changed in a router since this was last asked; anything when there was nothing to see it with. */
  changedByOthers(tenant: string): FabricChange {
    const open = this.#routers.get(tenant);
    if (!open?.socket.usable) return 'anything';
    const change = open.watch.changeOfRouter(open.socket.port);
    if (open.asked) return change;
    open.asked = true;
    return 'anything';
  }

  ofHost(): Rtnetlink {
    if (!this.#host?.usable) this.#host = Rtnetlink.open(this.host);
    return this.#host;
  }

  async closeRouter(tenant: string): Promise<void> {
    const open = this.#routers.get(tenant);
    this.#routers.delete(tenant);
    open?.watch.close();
    await open?.socket.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#routers.keys()].map((tenant) => this.closeRouter(tenant)));
    await this.#host?.close();
  }
}
