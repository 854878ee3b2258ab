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
    this.#number(start, 4, this.#length - start);
    this.#number(start + 4, 2, type);
    this.#number(start + 6, 2, NLM_F_REQUEST | flags);
    this.#number(start + 8, 4, sequence);
  }

  /** @param write writes its value. */
  attribute(type: number, write: () => void): void {
    const start = this.#advance(4);
    write();
    this.#number(start, 2, this.#length - start);
    this.#number(start + 2, 2, type);
    this.fill();
  }

  /** An attribute of attributes. */
  nested(type: number, write: () => void): void {
    this.attribute(type | NLA_F_NESTED, write);
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
    const start = this.#advance(4);
    this.#number(start, 4, value);
  }

  #number(position: number, size: 2 | 4, value: number): void {
    if (isLittle) this.#octets.writeUIntLE(value, position, size);
    else this.#octets.writeUIntBE(value, position, size);
  }

  /** Room for so many octets, zeros at first; where they begin. */
  #advance(octets: number): number {
    const start = this.#length;
    this.#length += octets;
    if (this.#length > this.#octets.length) this.#octets = Buffer.concat([this.#octets], Math.max(2 * this.#octets.length, this.#length));
    return start;
  }
}
