import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { unavailable } from '../../src/model/errors.js';

/** A setting below /proc/sys/net, and its value. */
type Sysctl = readonly [path: string, value: string];

/**
 * What a router needs of IPv4. A new namespace starts with a copy of the host's settings
 * (net.core.devconf_inherit_init_net), so what matters is written, whatever the kernel's default is.
 * The kernel takes the larger, or both, of `all` and the link's own; `default` is what new links get.
 */
const ipv4: readonly Sysctl[] = [
  // First: a change of it sets others back to the defaults of a host or of a router.
  ['ipv4/ip_forward', '1'],
  ...['all', 'default'].flatMap((links): Sysctl[] => [
    // The router answers ARP for service addresses, which are on no link, on every bridge.
    [`ipv4/conf/${links}/arp_ignore`, '0'],
    [`ipv4/conf/${links}/arp_filter`, '0'],
    // A provider in the client's own segment is reached through the router all the same: to name the direct way would bypass the translation.
    [`ipv4/conf/${links}/send_redirects`, '0'],
    [`ipv4/conf/${links}/accept_redirects`, '0'],
    // Else the deletion of one gateway address takes others of its subnet with it.
    [`ipv4/conf/${links}/promote_secondaries`, '1'],
    // A translated answer may come in where no route to its source leads.
    [`ipv4/conf/${links}/rp_filter`, '0'],
  ]),
  // By default the kernel sends a client one ICMP error a second, after a few at once: further datagrams to a port
  // that nobody serves would vanish. All types stay limited but 3, destination unreachable (RFC 792); one bit each.
  ['ipv4/icmp_ratemask', '6160'],
];

/** IPv6 may be absent: the kernel can be started with ipv6.disable=1. */
const ipv6: readonly Sysctl[] = [
  ['ipv6/conf/all/disable_ipv6', '0'],
  ['ipv6/conf/default/disable_ipv6', '0'],
  ['ipv6/conf/all/forwarding', '1'],
  ['ipv6/conf/default/forwarding', '1'],
  // No link-local addresses: a port needs none, and a bridge has its gateway address or nothing to say.
  ['ipv6/conf/default/addr_gen_mode', '1'],
  // A host that takes router advertisements although it forwards (2) may hand this on: a container could send them.
  ['ipv6/conf/default/accept_ra', '0'],
  // As for IPv4: all but 1, destination unreachable, and 2, which is never limited (RFC 4443).
  ['ipv6/icmp/ratemask', '0,3-127'],
];

/**
 * Each bridge says for itself whether frames between its ports pass the rules. In a new namespace they are on for all of them, whatever a bridge
 * says, and so they were in routers of older versions (Linux 6.18, `br_nf_pre_routing` asks for the one or the other). ARP has no rules.
 */
const commonNetfilter: readonly Sysctl[] = [
  ['bridge/bridge-nf-call-iptables', '0'],
  ['bridge/bridge-nf-call-ip6tables', '0'],
  ['bridge/bridge-nf-call-arptables', '0'],
];

const directory = '/proc/sys/net';

/** True if the kernel has bridge netfilter: on Debian 12 it is the module br_netfilter, which nothing loads by itself. */
export function hasBridgeNetfilter(): boolean {
  return existsSync(`${directory}/bridge/bridge-nf-call-iptables`);
}

/**
 * Makes the namespace that the thread is in a router, bridge netfilter aside. Call it in `inNamespace`.
 * @returns how many settings were others.
 * @throws NetctlError `unavailable`.
 */
export function writeRouterSysctls(): number {
  if (!hasBridgeNetfilter()) {
    throw unavailable('the kernel has no bridge netfilter, without which services do not work within a network: run "modprobe br_netfilter"');
  }
  return bring(settings());
}

/** Whether bridge netfilter is off but where a bridge says otherwise, in the namespace that the thread is in. */
export function isNetfilterWithBridges(): boolean {
  return commonNetfilter.every(isAsWritten);
}

/** Makes that so. Call it in `inNamespace`. @returns how many settings were others. @throws NetctlError `unavailable`. */
export function leaveNetfilterToBridges(): number {
  return bring(commonNetfilter);
}

/** Whether all is as these two leave it, in the namespace that the thread is in. Takes a third of a millisecond. */
export function areRouterSysctlsWritten(): boolean {
  return settings().every(isAsWritten) && isNetfilterWithBridges();
}

function settings(): Sysctl[] {
  return [...ipv4, ...(existsSync(`${directory}/ipv6`) ? ipv6 : [])];
}

/** One after the other: the first may change those after it. */
function bring(sysctls: readonly Sysctl[]): number {
  return sysctls.reduce((written, setting) => (isAsWritten(setting) ? written : written + write(setting)), 0);
}

/** One that cannot be read is not: then writing it says why. */
function isAsWritten([path, value]: Sysctl): boolean {
  try {
    return readFileSync(`${directory}/${path}`, 'utf8').trim() === value;
  } catch {
    return false;
  }
}

/** @returns 1, the number of settings written. */
function write([path, value]: Sysctl): number {
  try {
    writeFileSync(`${directory}/${path}`, value);
    return 1;
  } catch (cause) {
    throw unavailable(`the setting ${path} of a router cannot be written, which needs root and a writable /proc/sys`, cause);
  }
}
