import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { unavailable } from '../../src/model/errors.js';
import { inNamespace } from './netns.js';

/** send(2) or recv(2). */
interface Transfer {
  (fd: number, octets: Buffer, length: number, flags: number): number;
  /** In another thread. */
  readonly async: (fd: number, octets: Buffer, length: number, flags: number, done: (error: Error | null, result: number) => void) => void;
}

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number;
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const int *value, unsigned int length)') as (fd: number, level: number, name: number, value: number[], length: number) => number;
const send = libc.func('intptr_t send(int fd, const void *octets, size_t length, int flags)') as unknown as Transfer;
const recv = libc.func('intptr_t recv(int fd, _Out_ void *octets, size_t length, int flags)') as unknown as Transfer;

const [AF_NETLINK, NETLINK_NETFILTER] = [16, 12];
const [SOCK_RAW, SOCK_CLOEXEC] = [3, 0o2_000_000];
const [SOL_SOCKET, SO_SNDBUFFORCE, SO_RCVBUFFORCE] = [1, 32, 33];
const [MSG_TRUNC, MSG_DONTWAIT] = [0x20, 0x40];
const NLMSG_ERROR = 2;
const integerLength = 4;

/** More than the errors of a batch; what does not fit is of no interest. */
const answerSize = 16_384;

/** The first message of a batch that the kernel refused, by its sequence number; 0 is the batch itself. Nothing of the batch was done. */
export interface BatchRefusal {
  readonly sequence: number;
  /** As `EEXIST`. */
  readonly errno: string;
}

/**
 * Hands the kernel a batch of nfnetlink messages, which it carries out, whole or not at all, before `send` returns:
 * one without an answer was carried out. It may wait there, for other transactions and for all processors to be done with what
 * was deleted (20 ms on a busy machine), so that another thread calls it.
 * @param socket for nothing else meanwhile.
 * @returns why it was refused; undefined: it was not.
 * @throws NetctlError `unavailable`
 */
export async function sendBatch(socket: number, batch: Buffer): Promise<BatchRefusal | undefined> {
  // A message that is larger than the buffer is refused, and only this passes over the limit that is set for everybody.
  succeed(setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, [batch.length], integerLength));
  await askInThread(socket, batch);
  const answer = Buffer.alloc(answerSize);
  let refusal: BatchRefusal | undefined;
  // There is one for each message that it did not like. Whoever has the socket next must not find any.
  for (let length = takeAnswer(socket, answer); length > 0; length = takeAnswer(socket, answer)) refusal ??= firstRefusal(answer.subarray(0, length));
  return refusal;
}

/** Takes an answer that is there already. Returns how many octets it has: 0, there is none any more. @throws NetctlError `unavailable` */
export function takeAnswer(socket: number, answer: Buffer): number {
  const length = recv(socket, answer, answer.length, MSG_DONTWAIT);
  return length < 0 && errorName() === 'EAGAIN' ? 0 : succeed(length);
}

/**
 * A socket to the namespace's netfilter, to be closed with `closeSync`.
 * @throws NetctlError `unavailable` if there is no such namespace, or no socket can be had.
 */
export function openNfnetlink(namespace: string): number {
  return inNamespace(namespace, () => succeed(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)));
}

/** Sends what the kernel does in a moment. @throws NetctlError `unavailable` */
export function ask(descriptor: number, octets: Buffer): void {
  succeed(send(descriptor, octets, octets.length, 0));
}

/** {@link ask} for what may take the kernel longer: another thread waits. @throws NetctlError `unavailable` */
export async function askInThread(descriptor: number, octets: Buffer): Promise<void> {
  const sent = await inThread(send, descriptor, octets, 0);
  // Why is known to that thread only.
  if (sent < 0) throw unavailable(`the kernel's netfilter did not take ${octets.length} octets`);
}

/**
 * Waits, in another thread, for what comes next.
 * @returns how many octets it has: more than the buffer are lost beyond it.
 * @throws NetctlError `unavailable`
 */
export async function receive(descriptor: number, buffer: Buffer): Promise<number> {
  const length = await inThread(recv, descriptor, buffer, MSG_TRUNC);
  // Why is known to that thread only. It has been ENOBUFS or ENOMEM, then: the kernel has no memory for an answer.
  if (length < 0) throw unavailable("the kernel's netfilter did not answer: is there memory left?");
  return length;
}

/**
 * Takes what is there already.
 * @returns how many octets it has: more than the buffer are lost beyond it.
 * @throws NetctlError `unavailable`
 */
export function receiveNow(descriptor: number, buffer: Buffer): number {
  return succeed(recv(descriptor, buffer, buffer.length, MSG_DONTWAIT | MSG_TRUNC));
}

/** Passes over the limit that is set for everybody. @throws NetctlError `unavailable` */
export function enlargeReceiveBuffer(descriptor: number, octets: number): void {
  succeed(setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, [octets], integerLength));
}

function inThread(transfer: Transfer, descriptor: number, octets: Buffer, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    transfer.async(descriptor, octets, octets.length, flags, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** struct nlmsgerr behind the header: the error, and the header of the message that it is about. */
function firstRefusal(answer: Buffer): BatchRefusal | undefined {
  const [type, error] = [readNumber(answer, 4, 2), -(endianness() === 'LE' ? answer.readInt32LE(16) : answer.readInt32BE(16))];
  if (type !== NLMSG_ERROR || error === 0) return undefined;
  return { sequence: readNumber(answer, 28, 4), errno: getSystemErrorName(-error) };
}

function readNumber(octets: Buffer, position: number, size: 2 | 4): number {
  return endianness() === 'LE' ? octets.readUIntLE(position, size) : octets.readUIntBE(position, size);
}

function succeed(result: number): number {
  if (result < 0) throw unavailable(`the kernel's netfilter cannot be spoken to: ${errorName()}`);
  return result;
}

function errorName(): string {
  return getSystemErrorName(-koffi.errno());
}
