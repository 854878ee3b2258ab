import { ipv4Text } from '../../src/model/ipv4.js';
import { addressOfOctets } from './netlink-octets.js';
import { isLittle, textOf } from './netlink-reader.js';

// Hundreds of thousands of words are read at once: places in the octets are passed on instead of parts of them.

/** The texts of addresses that were read, as most are in several elements: by their number, or by their octets, two to a character. */
export interface AddressTexts {
  readonly ipv4: Map<number, string>;
  readonly ipv6: Map<string, string>;
}

interface Word {
  readonly octets: number;
  /** The text of the word that begins there, as src/nat/keys.ts has it; of another number than netctl uses, the number. */
  readonly read: (view: DataView, start: number, texts: AddressTexts) => string;
}

/** Words behind each other. */
export interface Words {
  readonly octets: number;
  readonly places: readonly { readonly offset: number; readonly read: Word['read'] }[];
}

const protocols = new Map([[6, 'tcp'], [17, 'udp']]);
const directions = new Map([[0, 'original'], [1, 'reply']]);

/** By nft's names of the types. What comes from a packet is in network order, what the kernel made itself in its own. */
const wordsByType: ReadonlyMap<string, Word> = new Map([
  ['ipv4_addr', { octets: 4, read: (view, start, texts) => knownIpv4Text(view.getUint32(start), texts) }],
  ['ipv6_addr', { octets: 16, read: knownIpv6Text }],
  ['inet_proto', { octets: 1, read: (view, start) => named(protocols, view.getUint8(start)) }],
  ['inet_service', { octets: 2, read: (view, start) => String(view.getUint16(start)) }],
  ['mark', { octets: 4, read: (view, start) => String(view.getUint32(start, isLittle)) }],
  ['ct_dir', { octets: 1, read: (view, start) => named(directions, view.getUint8(start)) }],
  ['ifname', { octets: 16, read: (view, start) => `"${textOf(octetsIn(view, start, 16))}"` }],
]);

/** @param type as nft writes it: `ipv4_addr . inet_service`. */
export function wordsOf(type: string): Words {
  const words = type.split(' . ').map((name) => wordsByType.get(name) ?? unknown(name));
  const [only] = words;
  if (only && words.length === 1) return { octets: only.octets, places: [{ offset: 0, read: only.read }] };
  // Of several each fills whole units of four octets.
  let octets = 0;
  const places = words.map(({ octets: own, read }) => {
    const offset = octets;
    octets += (own + 3) & ~3;
    return { offset, read };
  });
  return { octets, places };
}

export function readWords({ places }: Words, view: DataView, start: number, texts: AddressTexts): string {
  // Joined, as a text that grows is copied once more when it becomes a key.
  const words: string[] = [];
  for (const { offset, read } of places) words.push(read(view, start + offset, texts));
  return words.join(' . ');
}

export function octetsIn(view: DataView, start: number, length: number): Buffer {
  return Buffer.from(view.buffer, view.byteOffset + start, length);
}

function knownIpv4Text(number: number, { ipv4 }: AddressTexts): string {
  const known = ipv4.get(number);
  if (known !== undefined) return known;
  const text = ipv4Text(number);
  ipv4.set(number, text);
  return text;
}

function knownIpv6Text(view: DataView, start: number, { ipv6 }: AddressTexts): string {
  const units = [0, 2, 4, 6, 8, 10, 12, 14].map((offset) => view.getUint16(start + offset));
  const octets = String.fromCharCode(...units);
  const known = ipv6.get(octets);
  if (known !== undefined) return known;
  const text = addressOfOctets(octetsIn(view, start, 16)).toString();
  ipv6.set(octets, text);
  return text;
}

function named(names: ReadonlyMap<number, string>, number: number): string {
  return names.get(number) ?? String(number);
}

function unknown(name: string): never {
  throw new TypeError(`"${name}" is not a type that netctl uses`);
}
