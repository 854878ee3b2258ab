import { closeSync, openSync } from 'node:fs';
import { FlagsNew } from 'netlink';
import type { VxlanLink } from '../../src/fabric/state.js';
import type { Where } from './fabric-steps.js';
import { deleteLink, upFlag } from './link-items.js';
import { vxlanInfo, vxlanPortInfo } from './linkinfo.js';
import { KernelRefusal } from './rtnetlink-errors.js';
import { portInUse, vniInUse } from './vxlan-errors.js';

/**
 * Makes the link, or makes it anew. It is asked for in the host's own namespace: there its socket is and stays (Linux 6.18, and tried so), while
 * the link itself appears in the router at once. Rejections as Rtnetlink's.
 */
export async function createVxlan(where: Where, link: VxlanLink): Promise<void> {
  // Asked before anything is made: without its bridge there is to be no link.
  if (link.bridge !== undefined) await where.indexes.of(link.bridge);
  await deleteLink(where, link.name);
  await make(where, link);
  await setVxlan(where, link);
}

/** The link's attachment, and whether it is up. */
export async function setVxlan({ rtnetlink, indexes }: Where, { name, bridge, suppressing, up, port }: VxlanLink): Promise<void> {
  const master = bridge === undefined ? 0 : await indexes.of(bridge);
  await rtnetlink.request((socket, options) => socket.setLink({}, { ifname: name, master }, options));
  // Before it is up: a bridge that may answer for others must not ask them.
  if (bridge !== undefined) await rtnetlink.request((socket, options) => socket.newLink({}, { ifname: name, linkinfo: vxlanPortInfo(suppressing) }, options));
  try {
    await rtnetlink.request((socket, options) => socket.setLink(upFlag(up), { ifname: name }, options));
  } catch (error) {
    throw isRefusal(error, 'EADDRINUSE') ? portInUse(port) : error;
  }
}

async function make({ host, namespace }: Where, link: VxlanLink): Promise<void> {
  const { name, mtu, vni, port } = link;
  const fd = openSync(namespace, 'r');
  try {
    const attrs = { ifname: name, mtu, netNsFd: fd, linkinfo: vxlanInfo(link) };
    await host().rtnetlink.request((socket, options) => socket.newLink({}, attrs, { ...options, flags: FlagsNew.CREATE | FlagsNew.EXCL }));
  } catch (error) {
    throw isRefusal(error, 'EEXIST') ? vniInUse(vni, port) : error;
  } finally {
    closeSync(fd);
  }
}

function isRefusal(error: unknown, errno: string): boolean {
  return error instanceof KernelRefusal && error.errno === errno;
}
