import { endianness } from 'node:os';

const NLA_F_NESTED = 0x8000;
const NLM_F_REQUEST = 0x1;
const isLittle = endianness() === 'LE';

/** Writes netlink messages one behind the other. netlink's own numbers are in the order of the machine (struct nlmsghdr and nlattr of linux/netlink.h). */
export class NetlinkWriter {
  #octets = Buffer.alloc(4096);
  #length = 0;

  /** What was written so far. */
  get octets(): Buffer {
    return this.#octets.subarray(0, this.#length);
  }

  message(type: number, flags: number, sequence: number, write: () => void): void {
    const start = this.#advance(16);
    write();
    this.#own32(start, this.#length - start);
    this.#own16(start + 4, type);
    this.#own16(start + 6, NLM_F_REQUEST | flags);
    this.#own32(start + 8, sequence);
  }

  /** @param write writes its value. */
  attribute(type: number, write: () => void): void {
    const start = this.begin(type);
    write();
    this.end(start);
  }

  /** An attribute of attributes. */
  nested(type: number, write: () => void): void {
    this.attribute(type | NLA_F_NESTED, write);
  }

  /** {@link attribute} for what is written a hundred thousand times: its value follows, and then {@link end}. @returns what that needs. */
  begin(type: number): number {
    const start = this.#advance(4);
    this.#own16(start + 2, type);
    return start;
  }

  /** {@link begin} for {@link nested}. */
  beginNested(type: number): number {
    return this.begin(type | NLA_F_NESTED);
  }

  end(start: number): void {
    this.#own16(start, this.#length - start);
    this.fill();
  }

  /** Zeros up to a whole unit of four octets. */
  fill(): void {
    this.#advance(-this.#length & 3);
  }

  /** @param text its end is marked by a zero, as C has it. */
  string(text: string): void {
    const start = this.#advance(Buffer.byteLength(text) + 1);
    this.#octets.write(text, start);
  }

  bytes(octets: Uint8Array): void {
    const start = this.#advance(octets.length);
    this.#octets.set(octets, start);
  }

  byte(value: number): void {
    const start = this.#advance(1);
    this.#octets[start] = value;
  }

  /** In network order. */
  number16(value: number): void {
    const start = this.#advance(2);
    this.#octets.writeUInt16BE(value, start);
  }

  /** In network order. */
  number32(value: number): void {
    const start = this.#advance(4);
    this.#octets.writeInt32BE(value | 0, start);
  }

  /** In the order of the machine. */
  own32(value: number): void {
    this.#own32(this.#advance(4), value);
  }

  #own16(position: number, value: number): void {
    if (isLittle) this.#octets.writeUInt16LE(value, position);
    else this.#octets.writeUInt16BE(value, position);
  }

  #own32(position: number, value: number): void {
    if (isLittle) this.#octets.writeUInt32LE(value, position);
    else this.#octets.writeUInt32BE(value, position);
  }

  /** Room for so many octets, zeros at first; where they begin. */
  #advance(octets: number): number {
    const start = this.#length;
    this.#length += octets;
    if (this.#length > this.#octets.length) this.#octets = Buffer.concat([this.#octets], Math.max(2 * this.#octets.length, this.#length));
    return start;
  }
}
