import { statfsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { execa } from 'execa';
import { messageOf, unavailable } from '../../src/model/errors.js';
import { inNamespace, namespaceDirectory, routerName, routerPath, tenantOfRouter } from './netns.js';
import type { Routers } from './port.js';
import { kernelError } from './rtnetlink-errors.js';
import type { RtnetlinkSockets } from './rtnetlink-sockets.js';
import { hasBridgeNetfilter, writeRouterSysctls } from './router-sysctls.js';

/** statfs(2)'s type of a file on which a namespace is mounted: NSFS_MAGIC of linux/magic.h. */
const namespaceFileSystem = 0x6e73_6673;
/** The loopback link's index, in every network namespace. */
const loopbackIndex = 1;

/** Routers as `ip netns` keeps namespaces, so that people can look into them with `ip netns exec`. */
export class KernelRouters implements Routers {
  constructor(private readonly sockets: RtnetlinkSockets) {}

  async list(): Promise<string[]> {
    const names = await readdir(namespaceDirectory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw unavailable(`${namespaceDirectory} cannot be read`, error);
    });
    const tenants = names.filter((name) => isNamespace(`${namespaceDirectory}/${name}`)).map(tenantOfRouter);
    return tenants.filter((tenant) => tenant !== undefined).toSorted();
  }

  async ensure(tenant: string): Promise<void> {
    const path = routerPath(tenant);
    if (!isNamespace(path)) await addNamespace(tenant);
    if (!inNamespace(path, hasBridgeNetfilter)) await loadBridgeNetfilter();
    inNamespace(path, writeRouterSysctls);
    await this.#raiseLoopback(tenant);
  }

  async remove(tenant: string): Promise<void> {
    await this.sockets.closeRouter(tenant);
    if (isNamespace(routerPath(tenant))) await ip(['netns', 'delete', routerName(tenant)], `remove the router of tenant ${tenant}`);
    else await removeFile(tenant);
  }

  /** Without it the kernel refuses the local routes of service addresses. */
  async #raiseLoopback(tenant: string): Promise<void> {
    const router = await this.sockets.ofRouter(tenant);
    const up = { index: loopbackIndex, flags: { up: true }, change: { up: true } } as const;
    try {
      await router.request((socket, options) => socket.setLink(up, {}, options));
    } catch (error) {
      throw kernelError(`raise loopback in the router of tenant ${tenant}`, error);
    }
  }
}

async function addNamespace(tenant: string): Promise<void> {
  await removeFile(tenant);
  await ip(['netns', 'add', routerName(tenant)], `make a router for tenant ${tenant}`);
}

/** `ip netns add` makes the file and then mounts the namespace on it: a crash between the two leaves a plain file in the way. */
async function removeFile(tenant: string): Promise<void> {
  await rm(routerPath(tenant), { force: true }).catch((error: unknown) => {
    throw unavailable(`the file ${routerPath(tenant)}, which is in the way of a router, cannot be removed`, error);
  });
}

function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === namespaceFileSystem;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unavailable(`${path} cannot be read`, error);
  }
}

/** Whether it worked is seen by the setting that it brings, which may also be there without a module. */
async function loadBridgeNetfilter(): Promise<void> {
  await execa('modprobe', ['br_netfilter'], { reject: false, timeout: 30_000 });
}

async function ip(args: readonly string[], what: string): Promise<void> {
  try {
    await execa('ip', args, { timeout: 30_000 });
  } catch (error) {
    throw unavailable(`cannot ${what}: ${messageOf(error)}`, error);
  }
}
