import { closeSync, openSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { execa } from 'execa';
import { messageOf, unavailable } from '../../src/model/errors.js';
import { identityOf, inNamespace, isNamespace, namespaceDirectory, routerName, routerPath, tenantOfRouter } from './netns.js';
import { deleteLink, placeOf } from './link-items.js';
import { parseLinkInfo } from './linkinfo.js';
import type { NfnetlinkSockets } from './nfnetlink-sockets.js';
import type { EnsuredRouter, Routers } from './port.js';
import { kernelError } from './rtnetlink-errors.js';
import type { RtnetlinkSockets } from './rtnetlink-sockets.js';
import { areRouterSysctlsWritten, hasBridgeNetfilter, isNetfilterWithBridges, leaveNetfilterToBridges, writeRouterSysctls } from './router-sysctls.js';

/** The loopback link's index, in every network namespace. */
const loopbackIndex = 1;

/** A router's namespace, held open: it lives on when it loses its name. */
interface Held {
  readonly fd: number;
  readonly identity: string;
}

/** Routers as `ip netns` keeps namespaces, so that people can look into them with `ip netns exec`. */
export class KernelRouters implements Routers {
  readonly #held = new Map<string, Held>();

  /** @param rules the sockets by which the routers' rules are changed */
  constructor(
    private readonly sockets: RtnetlinkSockets,
    private readonly rules?: NfnetlinkSockets,
  ) {}

  async list(): Promise<string[]> {
    const names = await readdir(namespaceDirectory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw unavailable(`${namespaceDirectory} cannot be read`, error);
    });
    const tenants = names.filter((name) => isNamespace(`${namespaceDirectory}/${name}`)).map(tenantOfRouter);
    return tenants.filter((tenant) => tenant !== undefined).toSorted();
  }

  async ensure(tenant: string): Promise<EnsuredRouter> {
    const path = routerPath(tenant);
    const namespace = await this.#ensureNamespace(tenant);
    if (!inNamespace(path, hasBridgeNetfilter)) await loadBridgeNetfilter();
    const settings = inNamespace(path, writeRouterSysctls);
    const raised = await this.#raiseLoopback(tenant);
    return { namespace, settings: settings + (raised ? 1 : 0) };
  }

  isNetfilterWithBridges(tenant: string): boolean {
    return inNamespace(routerPath(tenant), isNetfilterWithBridges);
  }

  leaveNetfilterToBridges(tenant: string): number {
    return inNamespace(routerPath(tenant), leaveNetfilterToBridges);
  }

  isIntact(tenant: string): boolean {
    const path = routerPath(tenant);
    return this.#held.get(tenant)?.identity === identityOf(path) && inNamespace(path, areRouterSysctlsWritten);
  }

  async remove(tenant: string): Promise<void> {
    if (isNamespace(routerPath(tenant))) await this.#releaseVnis(tenant);
    await this.sockets.closeRouter(tenant);
    this.rules?.close(routerPath(tenant));
    this.#letGo(tenant);
    if (isNamespace(routerPath(tenant))) await deleteName(tenant);
    else await removeFile(tenant);
  }

  /**
   * `ip netns delete` takes a namespace's name only: it lives as long as somebody holds it, with its links, rules
   * and connections. So a router that lost its name gets it back; whatever has the name now is not a router of ours.
   */
  async #ensureNamespace(tenant: string): Promise<EnsuredRouter['namespace']> {
    const path = routerPath(tenant);
    const held = this.#held.get(tenant);
    if (held?.identity === identityOf(path)) return 'found';
    if (held) {
      if (isNamespace(path)) await deleteName(tenant);
      await nameAgain(tenant, held.fd);
      return 'named';
    }
    const found = isNamespace(path);
    if (!found) await addNamespace(tenant);
    this.#held.set(tenant, { fd: openSync(path, 'r'), identity: identityOf(path) });
    return found ? 'found' : 'made';
  }

  /** The kernel ends a namespace some time after it lost its name, and until then the VNIs of its VXLAN links are in use. */
  async #releaseVnis(tenant: string): Promise<void> {
    const router = await this.sockets.ofRouter(tenant);
    try {
      const links = (await router.dump('links')).filter(({ attrs }) => parseLinkInfo(attrs.linkinfo).vxlan);
      for (const { attrs } of links) await deleteLink(placeOf(router), attrs.ifname ?? '');
    } catch (error) {
      throw kernelError(`remove the links of tenant ${tenant} to other hosts`, error);
    }
  }

  #letGo(tenant: string): void {
    const held = this.#held.get(tenant);
    this.#held.delete(tenant);
    if (held) closeSync(held.fd);
  }

  /** Without it the kernel refuses the local routes of service addresses. Returns whether it was down. */
  async #raiseLoopback(tenant: string): Promise<boolean> {
    const router = await this.sockets.ofRouter(tenant);
    const up = { index: loopbackIndex, flags: { up: true }, change: { up: true } } as const;
    try {
      const [loopback] = await router.request((socket, options) => socket.getLink({ index: loopbackIndex }, {}, options));
      if (loopback?.data.flags?.up) return false;
      await router.request((socket, options) => socket.setLink(up, {}, options));
      return true;
    } catch (error) {
      throw kernelError(`raise loopback in the router of tenant ${tenant}`, error);
    }
  }
}

async function addNamespace(tenant: string): Promise<void> {
  await removeFile(tenant);
  await ip(['netns', 'add', routerName(tenant)], `make a router for tenant ${tenant}`);
}

async function deleteName(tenant: string): Promise<void> {
  await ip(['netns', 'delete', routerName(tenant)], `remove the router of tenant ${tenant}`);
}

/**
 * `ip netns attach` wants a process that is in the namespace, and becomes one itself: it is started by a shell
 * there, whose process id it keeps.
 */
async function nameAgain(tenant: string, fd: number): Promise<void> {
  await removeFile(tenant);
  const attach = ['sh', '-c', 'exec ip netns attach "$0" $$', routerName(tenant)];
  await run('nsenter', [`--net=/proc/${process.pid}/fd/${fd}`, ...attach], `give the router of tenant ${tenant} its name back`);
}

/** `ip netns add` makes the file and then mounts the namespace on it: a crash between the two leaves a plain file in the way. */
async function removeFile(tenant: string): Promise<void> {
  await rm(routerPath(tenant), { force: true }).catch((error: unknown) => {
    throw unavailable(`the file ${routerPath(tenant)}, which is in the way of a router, cannot be removed`, error);
  });
}

/** Whether it worked is seen by the setting that it brings, which may also be there without a module. */
async function loadBridgeNetfilter(): Promise<void> {
  await execa('modprobe', ['br_netfilter'], { reject: false, timeout: 30_000 });
}

function ip(args: readonly string[], what: string): Promise<void> {
  return run('ip', args, what);
}

async function run(program: string, args: readonly string[], what: string): Promise<void> {
  try {
    await execa(program, args, { timeout: 30_000 });
  } catch (error) {
    throw unavailable(`cannot ${what}: ${messageOf(error)}`, error);
  }
}
