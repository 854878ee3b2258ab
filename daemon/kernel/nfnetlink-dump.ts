import { getSystemErrorName } from 'node:util';
import { unavailable } from '../../src/model/errors.js';
import { readOwn16, readOwn32 } from './netlink-reader.js';
import { askInThread, receive } from './nfnetlink.js';

export const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
export const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** Of struct nlmsghdr, and of struct nfgenmsg behind it. */
export const [headerLength, genericLength] = [16, 4] as const;

/** The kernel sends 32 KiB at once at the most, if the buffer is not smaller (netlink_dump, since Linux 4.6): the more the better, see docs/decisions/elements-by-netlink.md. */
const bufferSize = 65_536;

/**
 * How a list came: all of it, of one moment. Or meanwhile the rule set was changed, so that something may have been left out or came
 * twice. Or there is none of what was to be listed.
 */
export type Dumped = 'whole' | 'changed' | 'missing';

/**
 * Asks the kernel's netfilter for a list. It is made while it is received, the first part when it is asked for, which for large tables takes the kernel long: in another thread.
 * @param socket for nothing else meanwhile.
 * @param question one message.
 * @param take is given the attributes of each message; the octets are others afterwards.
 * @throws NetctlError `unavailable`
 */
export async function dumpAll(socket: number, question: Buffer, take: (attributes: Buffer) => void, size = bufferSize): Promise<Dumped> {
  await askInThread(socket, question);
  const buffer = Buffer.allocUnsafeSlow(size);
  const progress: Progress = { changed: false };
  for (;;) {
    const length = await receive(socket, buffer);
    if (length > size) throw unavailable(`the kernel's netfilter sent ${length} octets at once, where netctl takes ${size}: that is a bug of netctl`);
    const end = takeAll(buffer.subarray(0, length), progress, take);
    if (end) return end;
  }
}

interface Progress {
  changed: boolean;
  /** Of lists of nftables, the last sixteen bits of the rule set's number (nfnl_msg_put of the kernel's nf_tables_api.c); of others always 0. */
  generation?: number;
}

/** Undefined: there is more. */
function takeAll(octets: Buffer, progress: Progress, take: (attributes: Buffer) => void): Dumped | undefined {
  for (let start = 0; start + headerLength <= octets.length; ) {
    const length = readOwn32(octets, start);
    if (length < headerLength || start + length > octets.length) throw unavailable("the kernel's netfilter sent a message that ends before its end");
    const message = octets.subarray(start, start + length);
    const type = readOwn16(message, 4);
    if ((readOwn16(message, 6) & NLM_F_DUMP_INTR) !== 0) progress.changed = true;
    if (type === NLMSG_ERROR || type === NLMSG_DONE) return endOf(message, progress);
    const generation = message.readUInt16BE(headerLength + 2);
    progress.changed ||= (progress.generation ??= generation) !== generation;
    take(message.subarray(headerLength + genericLength));
    start += (length + 3) & ~3;
  }
  return undefined;
}

/** Behind the header is 0, or the negative number of an error. What goes away while it is listed is ENOENT, too. */
function endOf(message: Buffer, { changed, generation }: Progress): Dumped {
  const error = message.length >= headerLength + 4 ? readOwn32(message, headerLength) | 0 : 0;
  if (error >= 0) return changed ? 'changed' : 'whole';
  const name = getSystemErrorName(error);
  if (name === 'ENOENT') return generation === undefined ? 'missing' : 'changed';
  if (name === 'EINTR') return 'changed';
  throw unavailable(`the kernel's netfilter cannot be listed: ${name}`);
}
