import { endianness } from 'node:os';

// Parts of netlink messages, as linux/netlink.h has them: struct nlmsghdr and nlattr, whose numbers are in the order of the machine.

export const isLittle = endianness() === 'LE';
/** The two highest bits of a type say whether attributes are nested in it, and the order of its octets. */
const NLA_TYPE_MASK = 0x3fff;

/** In the order of the machine. */
export function readOwn16(octets: Buffer, position: number): number {
  return isLittle ? octets.readUInt16LE(position) : octets.readUInt16BE(position);
}

/** In the order of the machine. */
export function readOwn32(octets: Buffer, position: number): number {
  return isLittle ? octets.readUInt32LE(position) : octets.readUInt32BE(position);
}

/** The values of attributes by their types, without what is nested in them. Of several of one type it is the last. */
export function attributesOf(octets: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let start = 0; start + 4 <= octets.length; ) {
    const length = readOwn16(octets, start);
    if (length < 4) break;
    found.set(readOwn16(octets, start + 2) & NLA_TYPE_MASK, octets.subarray(start + 4, start + length));
    start += (length + 3) & ~3;
  }
  return found;
}

/** A string's text: its end is marked by a zero, or is that of the octets. */
export function textOf(octets: Buffer | undefined): string {
  if (!octets) return '';
  const end = octets.indexOf(0);
  return octets.toString('utf8', 0, end < 0 ? octets.length : end);
}

// Of messages with hundreds of thousands of attributes, places in the octets are passed on instead of parts of them. An attribute is
// where its header begins, its value four octets further on.

export function attributeType(view: DataView, attribute: number): number {
  return view.getUint16(attribute + 2, isLittle) & NLA_TYPE_MASK;
}

/** Where the value of an attribute ends. */
export function attributeEnd(view: DataView, attribute: number): number {
  return attribute + view.getUint16(attribute, isLittle);
}

/** Where the attribute behind this one begins. */
export function nextAttribute(view: DataView, attribute: number): number {
  return attribute + Math.max(4, (view.getUint16(attribute, isLittle) + 3) & ~3);
}

/** The first attribute of this type among those within the value of another, or -1. */
export function attributeWithin(view: DataView, outer: number, type: number): number {
  const end = attributeEnd(view, outer);
  for (let at = outer + 4; at + 4 <= end; at = nextAttribute(view, at)) if (attributeType(view, at) === type) return at;
  return -1;
}
