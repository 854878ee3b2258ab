import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { portRefusal } from './host-port-errors.js';
import { octetsOfAddress, socketFamily } from './netlink-octets.js';
import type { HeldPort, HostPorts } from './port.js';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number;
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const int *value, unsigned int length)') as (fd: number, level: number, name: number, value: number[], length: number) => number;
const bind = libc.func('int bind(int fd, const void *address, unsigned int length)') as (fd: number, address: Buffer, length: number) => number;

const types = { tcp: 1, udp: 2 } as const;
const SOCK_CLOEXEC = 0o2_000_000;
const [SOL_SOCKET, SO_REUSEADDR] = [1, 2];
const [IPPROTO_IPV6, IPV6_V6ONLY] = [41, 26];
const integerLength = 4;

/** Ports of the host, each held by a socket of this process that is bound and on which nobody listens. */
export class KernelHostPorts implements HostPorts {
  readonly #sockets = new Map<string, number>();

  hold(port: HeldPort): void {
    const key = keyOf(port);
    if (!this.#sockets.has(key)) this.#sockets.set(key, openSocket(port));
  }

  release(port: HeldPort): void {
    const descriptor = this.#sockets.get(keyOf(port));
    this.#sockets.delete(keyOf(port));
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function openSocket(port: HeldPort): number {
  const descriptor = succeed(port, socket(socketFamily(port.address.family), types[port.protocol] | SOCK_CLOEXEC, 0));
  try {
    if (port.address.family === 6) setOption(port, descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    // Connections of a program that is gone keep its port from being bound for a minute (TIME_WAIT), unless
    // this is said. Unsaid afterwards: others who say it, as most servers do, could bind the port beside us.
    if (port.protocol === 'tcp') setOption(port, descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    const address = socketAddress(port);
    succeed(port, bind(descriptor, address, address.length));
    if (port.protocol === 'tcp') setOption(port, descriptor, SOL_SOCKET, SO_REUSEADDR, 0);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function setOption(port: HeldPort, descriptor: number, level: number, name: number, value: number): void {
  succeed(port, setsockopt(descriptor, level, name, [value], integerLength));
}

function succeed(port: HeldPort, result: number): number {
  if (result < 0) throw portRefusal(port, getSystemErrorName(-koffi.errno()));
  return result;
}

/** struct sockaddr_in (ip(7)) or sockaddr_in6 (ipv6(7)): the family in the machine's order, the port in the network's. */
function socketAddress({ address, port }: HeldPort): Buffer {
  const octets = octetsOfAddress(address);
  const buffer = Buffer.alloc(address.family === 4 ? 16 : 28);
  new Uint16Array(buffer.buffer, buffer.byteOffset, 1)[0] = socketFamily(address.family);
  buffer.writeUInt16BE(port, 2);
  octets.copy(buffer, address.family === 4 ? 4 : 8);
  return buffer;
}

function keyOf({ protocol, address, port }: HeldPort): string {
  return `${protocol} ${address.toString()} ${port}`;
}
