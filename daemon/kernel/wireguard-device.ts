import { writeFileSync } from 'node:fs';
import { execa } from 'execa';
import { FlagsNew } from 'netlink';
import type { TunnelDevice } from '../../src/encryption/state.js';
import { bitsOf } from '../../src/model/address.js';
import { messageOf, NetctlError, unavailable } from '../../src/model/errors.js';
import { addAddress, deleteLink, upFlag, type Place } from './link-items.js';
import { plainInfo } from './linkinfo.js';
import { inNamespace } from './netns.js';
import { KernelRefusal } from './rtnetlink-errors.js';
import type { Programs } from './wireguard-programs.js';

/** How long it may take to begin, in milliseconds. */
const startLimit = 10_000;

/** A WireGuard device and its key, as the host's own namespace is to have them. */
export interface DeviceSite {
  readonly place: Place;
  readonly programs: Programs;
  /** Of the host; absent: the one of this process. */
  readonly namespace?: string;
}

/** Makes the device, or makes it anew. @param keyFile with its private key. */
export async function createDevice(site: DeviceSite, device: TunnelDevice, keyFile: string): Promise<void> {
  await deleteLink(site.place, device.name);
  await make(site, device.name);
  await site.programs.wg('set', device.name, 'private-key', keyFile);
  await setDevice(site, device);
}

/** Its port, address and MTU, and up. @throws NetctlError `conflict` if another program has the port. */
export async function setDevice({ place, programs, namespace }: DeviceSite, { name, port, address, mtu, up }: TunnelDevice): Promise<void> {
  permitIpv6(namespace, name);
  await place.rtnetlink.request((socket, options) => socket.setLink(upFlag(up), { ifname: name, mtu }, options));
  // A device that is down does not take the port yet, and wireguard-go would tell nobody that it cannot.
  await programs.wg('set', name, 'listen-port', String(port)).catch((error: unknown) => {
    throw messageOf(error).includes('Address already in use') ? portTaken(port, error) : error;
  });
  if (address) await addAddress(place, { link: name, address, length: bitsOf(address.family) });
}

function portTaken(port: number, cause: unknown): NetctlError {
  return new NetctlError('conflict', `networks cannot be encrypted on this host: UDP port ${port} is taken by another program; give netctld another --wireguard-port`, { cause });
}

/** By the kernel's module if it has one, which it then loads by itself; else by the program that does the same. */
async function make({ place, namespace }: DeviceSite, name: string): Promise<void> {
  try {
    const attrs = { ifname: name, linkinfo: plainInfo('wireguard') };
    await place.rtnetlink.request((socket, options) => socket.newLink({}, attrs, { ...options, flags: FlagsNew.CREATE | FlagsNew.EXCL }));
  } catch (error) {
    if (!(error instanceof KernelRefusal && error.errno === 'ENOTSUP')) throw error;
    await startProgram(namespace, name);
  }
}

/**
 * The program goes on by itself, in the background: it outlives this process, and ends with its device. It returns when the device is there and
 * it can be spoken to.
 */
async function startProgram(namespace: string | undefined, name: string): Promise<void> {
  const words = ['wireguard-go', name];
  const [program = '', ...args] = namespace === undefined ? words : ['nsenter', `--net=${namespace}`, ...words];
  const { exitCode, stderr, code } = await execa(program, args, { stdin: 'ignore', reject: false, timeout: startLimit, cwd: '/', env: { LC_ALL: 'C' } });
  if (exitCode === 0) return;
  if (code === 'ENOENT' || exitCode === 127) {
    throw unavailable('networks cannot be encrypted on this host: its kernel has no WireGuard, and the program wireguard-go is not installed; install it with your system\'s package manager');
  }
  throw new NetctlError('internal', `wireguard-go did not start (exit code ${exitCode ?? 'none'}): ${stderr.split('\n').findLast((line) => line !== '' && !/[┌│└]/.test(line)) ?? 'it says nothing'}`);
}

/** A host may have switched IPv6 off for all its links: this one needs it, for its own sake only. */
function permitIpv6(namespace: string | undefined, name: string): void {
  const setting = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
  try {
    inNamespace(namespace, () => writeFileSync(setting, '0'));
  } catch (cause) {
    throw unavailable(`networks cannot be encrypted on this host: its tunnels have IPv6 addresses, and the kernel has no IPv6 for them (${setting}: ${messageOf(cause)})`, cause);
  }
}
