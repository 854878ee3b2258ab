import type { Family } from '../model/address.js';

// Echo requests and what comes back for them, as raw sockets of ICMP carry them: RFC 792, RFC 1191, RFC 4443.

/** One request. The number tells it from others, whoever sent them. */
export interface EchoRequest {
  /** 0 to 65535, both. */
  readonly identifier: number;
  readonly sequence: number;
}

/** `tooLong`: a router on the way did not forward the request, for the next link is too small for it. */
export interface EchoAnswer extends EchoRequest {
  readonly kind: 'reply' | 'tooLong';
}

const headerOf: Readonly<Record<Family, number>> = { 4: 20, 6: 40 };
const messageHeader = 8;
const requestType: Readonly<Record<Family, number>> = { 4: 8, 6: 128 };
const replyType: Readonly<Record<Family, number>> = { 4: 0, 6: 129 };
/** Destination unreachable, fragmentation needed (RFC 1191); packet too big (RFC 4443). */
const tooLong: Readonly<Record<Family, { readonly type: number; readonly code: number }>> = { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } };

/** The shortest IP packet that is an echo request. */
export const shortestEcho = (family: Family): number => headerOf[family] + messageHeader;

/**
 * The message that makes an IP packet of this length, its IP header included. The checksum is the kernel's to make for IPv6 (RFC 3542, 3.1).
 * @throws RangeError if the length is less than {@link shortestEcho}.
 */
export function encodeEcho(family: Family, { identifier, sequence }: EchoRequest, length: number): Uint8Array {
  if (length < shortestEcho(family)) throw new RangeError(`an echo request has at least ${shortestEcho(family)} octets, not ${length}`);
  const message = new Uint8Array(length - headerOf[family]);
  const view = new DataView(message.buffer);
  view.setUint8(0, requestType[family]);
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  if (family === 4) view.setUint16(2, checksum(view));
  return message;
}

/** RFC 1071: the complement of the sum, with its carries added again. An odd octet at the end counts as if a zero followed. */
function checksum(view: DataView): number {
  let sum = 0;
  for (let offset = 0; offset < view.byteLength; offset += 2) {
    sum += offset + 1 < view.byteLength ? view.getUint16(offset) : view.getUint8(offset) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** What a packet says of an echo request; undefined if it is about something else. Of IPv4 a raw socket gives the IP header, too, of IPv6 it does not (RFC 3542, 3). */
export function decodeAnswer(family: Family, packet: Uint8Array): EchoAnswer | undefined {
  const message = family === 4 ? afterHeader(packet) : packet;
  if (message.length < messageHeader) return undefined;
  const [type, code] = message;
  if (type === replyType[family]) return { kind: 'reply', ...numbersOf(message) };
  if (type !== tooLong[family].type || code !== tooLong[family].code) return undefined;
  const refused = message.subarray(messageHeader);
  const request = family === 4 ? afterHeader(refused) : refused.subarray(headerOf[6]);
  return request.length >= messageHeader && request[0] === requestType[family] ? { kind: 'tooLong', ...numbersOf(request) } : undefined;
}

/** IPv4 says itself how long its header is, in words of four octets. */
function afterHeader(packet: Uint8Array): Uint8Array {
  return packet.subarray(((packet[0] ?? 0) & 0x0f) * 4);
}

function numbersOf(message: Uint8Array): EchoRequest {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return { identifier: view.getUint16(4), sequence: view.getUint16(6) };
}
