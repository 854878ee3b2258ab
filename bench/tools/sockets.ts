import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// Sockets that wait, by libc itself: a program that measures microseconds must not have an event loop between itself and the kernel.

const libc = koffi.load(null);
const calls = {
  socket: libc.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number,
  connect: libc.func('int connect(int fd, const void *address, uint32_t length)') as (fd: number, address: Buffer, length: number) => number,
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)') as (fd: number, address: Buffer, length: number) => number,
  listen: libc.func('int listen(int fd, int backlog)') as (fd: number, backlog: number) => number,
  accept: libc.func('int accept(int fd, void *address, void *length)') as (fd: number, address: null, length: null) => number,
  send: libc.func('int64_t send(int fd, const void *data, size_t length, int flags)') as (fd: number, data: Buffer, length: number, flags: number) => number,
  recv: libc.func('int64_t recv(int fd, void *data, size_t length, int flags)') as (fd: number, data: Buffer, length: number, flags: number) => number,
  setsockopt: libc.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t length)') as (fd: number, level: number, option: number, value: Buffer, length: number) => number,
  close: libc.func('int close(int fd)') as (fd: number) => number,
};

const AF_INET = 2;
const [SOCK_STREAM, SOCK_RAW] = [1, 3];
const IPPROTO_ICMP = 1;
const [SOL_SOCKET, SO_REUSEADDR, SO_LINGER, SO_RCVTIMEO] = [1, 2, 13, 20];

export const tcpSocket = (): number => checked('socket', calls.socket(AF_INET, SOCK_STREAM, 0));
export const icmpSocket = (): number => checked('socket', calls.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
export const connect = (fd: number, address: Buffer): void => void checked('connect', calls.connect(fd, address, address.length));
export const accept = (fd: number): number => checked('accept', calls.accept(fd, null, null));
export const send = (fd: number, data: Buffer): number => checked('send', calls.send(fd, data, data.length, 0));
/** How many octets it has put into `data`. */
export const receive = (fd: number, data: Buffer): number => checked('recv', calls.recv(fd, data, data.length, 0));
export const close = (fd: number): void => void checked('close', calls.close(fd));

/** On all addresses. */
export function listen(fd: number, port: number): void {
  setOption(fd, SO_REUSEADDR, int32(1));
  checked('bind', calls.bind(fd, socketAddress('0.0.0.0', port), 16));
  checked('listen', calls.listen(fd, 4096));
}

/** Closing resets the connection, so that it leaves nothing that would have to time out. */
export const resetOnClose = (fd: number): void => setOption(fd, SO_LINGER, Buffer.concat([int32(1), int32(0)]));
/** So long a call waits before it fails. */
export const setPatience = (fd: number, seconds: number): void => setOption(fd, SO_RCVTIMEO, Buffer.concat([int64(seconds), int64(0)]));

/** A `struct sockaddr_in`. */
export function socketAddress(address: string, port: number): Buffer {
  const result = Buffer.alloc(16);
  result.writeUInt16LE(AF_INET, 0);
  result.writeUInt16BE(port, 2);
  result.set(address.split('.').map(Number), 4);
  return result;
}

function setOption(fd: number, option: number, value: Buffer): void {
  checked('setsockopt', calls.setsockopt(fd, SOL_SOCKET, option, value, value.length));
}

function int32(value: number): Buffer {
  const result = Buffer.alloc(4);
  result.writeInt32LE(value);
  return result;
}

function int64(value: number): Buffer {
  const result = Buffer.alloc(8);
  result.writeBigInt64LE(BigInt(value));
  return result;
}

function checked(call: string, result: number): number {
  if (result < 0) throw new Error(`${call}: ${getSystemErrorName(-koffi.errno())}`);
  return result;
}
