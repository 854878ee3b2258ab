import { Address6 } from 'ip-address';
import { ipv4Number, ipv4Text } from './ipv4.js';
import { invalid } from './errors.js';

export type Family = 4 | 6;

/** An IPv4 or IPv6 address without a prefix length. Immutable; compare with {@link IpAddress.equals}. */
export class IpAddress {
  /** What `toString` answers, once it was asked: the planners write the same addresses over and over. */
  #text?: string;

  private constructor(
    readonly family: Family,
    readonly value: bigint,
  ) {}

  /** @throws NetctlError `invalid` if the text is not one address. */
  static parse(text: string): IpAddress {
    const parsed = IpAddress.tryParse(text);
    if (!parsed) throw invalid(`"${text}" is not an IP address`);
    return parsed;
  }

  static tryParse(text: string): IpAddress | undefined {
    if (text.includes('/') || text.includes('%')) return undefined;
    const ipv4 = ipv4Number(text);
    if (ipv4 >= 0) return new IpAddress(4, BigInt(ipv4));
    return text.includes(':') && Address6.isValid(text) ? new IpAddress(6, new Address6(text).bigInt()) : undefined;
  }

  static fromValue(family: Family, value: bigint): IpAddress {
    if (value < 0n || value >> BigInt(bitsOf(family))) throw new RangeError(`no IPv${family} address has the value ${value}`);
    return new IpAddress(family, value);
  }

  /** The address `offset` further on. Leaving the address family's range is a bug of the caller's. */
  plus(offset: bigint): IpAddress {
    return IpAddress.fromValue(this.family, this.value + offset);
  }

  equals(other: IpAddress): boolean {
    return this.family === other.family && this.value === other.value;
  }

  /** IPv4 before IPv6, then by number: the order of every list that a user sees. */
  compare(other: IpAddress): number {
    if (this.family !== other.family) return this.family - other.family;
    return this.value < other.value ? -1 : this.value > other.value ? 1 : 0;
  }

  /** Canonical text; for IPv6 as RFC 5952 has it. */
  toString(): string {
    this.#text ??= this.family === 4 ? ipv4Text(Number(this.value)) : Address6.fromBigInt(this.value).correctForm();
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** A network prefix: an address whose host bits are zero, and a length in bits. */
export class Prefix {
  private constructor(
    readonly address: IpAddress,
    readonly length: number,
  ) {}

  /**
   * Host bits in the text are cleared, as Contiv does: `10.1.1.1/24` is the prefix `10.1.1.0/24`.
   * @throws NetctlError `invalid`.
   */
  static parse(text: string): Prefix {
    const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
    const address = match?.[1] === undefined ? undefined : IpAddress.tryParse(match[1]);
    if (!address || Number(match?.[2]) > bitsOf(address.family)) {
      throw invalid(`"${text}" is not a subnet: write it as address/length, for example 10.1.1.0/24`);
    }
    return Prefix.of(address, Number(match?.[2]));
  }

  static of(address: IpAddress, length: number): Prefix {
    const hostBits = BigInt(bitsOf(address.family) - length);
    return new Prefix(IpAddress.fromValue(address.family, (address.value >> hostBits) << hostBits), length);
  }

  get family(): Family {
    return this.address.family;
  }

  /** How many addresses the prefix covers, the first and the last included. */
  get size(): bigint {
    return 1n << BigInt(bitsOf(this.family) - this.length);
  }

  get first(): IpAddress {
    return this.address;
  }

  get last(): IpAddress {
    return this.address.plus(this.size - 1n);
  }

  contains(address: IpAddress): boolean {
    return address.family === this.family && address.value >= this.first.value && address.value <= this.last.value;
  }

  overlaps(other: Prefix): boolean {
    return this.contains(other.first) || other.contains(this.first);
  }

  equals(other: Prefix): boolean {
    return this.length === other.length && this.address.equals(other.address);
  }

  toString(): string {
    return `${this.address.toString()}/${this.length}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** A MAC address, six octets in lower-case hexadecimal with colons. */
export class Mac {
  private constructor(readonly text: string) {}

  /** @throws NetctlError `invalid`. */
  static parse(text: string): Mac {
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw invalid(`"${text}" is not a MAC address`);
    return new Mac(text.toLowerCase());
  }

  /**
   * The MAC address that belongs to an IP address: `02:02:` and the last four octets, which is
   * Contiv's scheme. Locally administered (IEEE 802, bit 1 of the first octet), and unique within a
   * segment as long as the low 32 bits of its addresses are.
   */
  static fromIp(address: IpAddress): Mac {
    const low = (address.value & 0xffffffffn).toString(16).padStart(8, '0');
    return new Mac(`02:02:${low.match(/../g)?.join(':') ?? ''}`);
  }

  equals(other: Mac): boolean {
    return this.text === other.text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

export function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}
