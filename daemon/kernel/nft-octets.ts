import { IpAddress } from '../../src/model/address.js';
import { ipv4Number } from '../../src/model/ipv4.js';
import type { NatElement } from '../../src/nat/elements.js';
import { elementSets } from '../../src/nat/rules.js';
import type { NatFamily } from '../../src/nat/state.js';
import { octetsOfAddress } from './netlink-octets.js';
import type { NetlinkWriter } from './netlink-writer.js';

/** Writes one of nft's words. */
type WordWriter = (word: string, to: NetlinkWriter) => void;
export type WordWriters = readonly WordWriter[];

/** How the keys and data of a set are written; without data it is a set, and no map. */
export interface ElementShape {
  readonly key: WordWriters;
  /** `verdict`: an element's data is `goto CHAIN`. */
  readonly data?: WordWriters | 'verdict';
}

const protocolNumbers: Readonly<Record<string, number>> = { tcp: 6, udp: 17 };
const directionNumbers: Readonly<Record<string, number>> = { original: 0, reply: 1 };
/** IFNAMSIZ of linux/if.h. */
const interfaceNameSize = 16;

/** By nft's names of the types. What comes from a packet is in network order, what the kernel made itself in its own. */
const wordWriters: Readonly<Record<string, WordWriter>> = {
  ipv4_addr: (word, to) => to.number32(ipv4Number(word)),
  ipv6_addr: (word, to) => to.bytes(octetsOfAddress(IpAddress.parse(word))),
  inet_proto: (word, to) => to.byte(known(protocolNumbers, word)),
  inet_service: (word, to) => to.number16(Number(word)),
  mark: (word, to) => to.own32(Number(word)),
  ct_dir: (word, to) => to.byte(known(directionNumbers, word)),
  ifname: (word, to) => to.bytes(Buffer.concat([Buffer.from(JSON.parse(word) as string)], interfaceNameSize)),
};

const shapes: Record<NatFamily, ReadonlyMap<string, ElementShape>> = { ip: shapesOf('ip'), ip6: shapesOf('ip6') };

export function shapeOfSet(family: NatFamily, set: NatElement['set']): ElementShape {
  const shape = shapes[family].get(set);
  if (!shape) throw new TypeError(`there is no set ${set}`);
  return shape;
}

const separator = ' . ';

/** Writes a key or data. Of several words each fills whole units of four octets (`netlink_padded_len` of nft, NFT_REG32 of the kernel). */
export function writeWords(text: string, writers: WordWriters, to: NetlinkWriter): void {
  const [only] = writers;
  if (only && writers.length === 1) return only(text, to);
  let start = 0;
  for (const [index, write] of writers.entries()) {
    const found = text.indexOf(separator, start);
    const isLast = index === writers.length - 1;
    if ((found < 0) !== isLast) throw new TypeError(`"${text}" has not ${writers.length} parts`);
    write(isLast ? text.slice(start) : text.slice(start, found), to);
    to.fill();
    start = found + separator.length;
  }
}

function shapesOf(family: NatFamily): Map<string, ElementShape> {
  return new Map(elementSets(family).map(({ name, type }) => [name, shapeOf(type)]));
}

/** @param type as nft writes it: `ipv4_addr . inet_service : verdict`. */
function shapeOf(type: string): ElementShape {
  const [key = '', data] = type.split(' : ');
  const writersOf = (types: string): WordWriter[] => types.split(' . ').map((each) => known(wordWriters, each));
  return { key: writersOf(key), ...(data === undefined ? {} : { data: data === 'verdict' ? data : writersOf(data) }) };
}

function known<T>(words: Readonly<Record<string, T>>, word: string): T {
  const value = words[word];
  if (value === undefined) throw new TypeError(`"${word}" is not a word of nft's that netctl uses`);
  return value;
}
