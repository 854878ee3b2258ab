import type { NatChange } from '../../src/nat/diff.js';
import type { NatElement } from '../../src/nat/elements.js';
import { tableName } from '../../src/nat/rules.js';
import { natFamilies, type NatFamily } from '../../src/nat/state.js';
import { NetlinkWriter } from './netlink-writer.js';
import { familyNumbers, NFNL_SUBSYS_NFTABLES, NFT_GOTO, NFTA_DATA, NFTA_LIST_ELEM, NFTA_SET_ELEM, NFTA_SET_ELEM_LIST, NFTA_TABLE, NFTA_VERDICT } from './nf-tables.js';
import { shapeOfSet, writeWords, type ElementShape, type WordWriters } from './nft-octets.js';

// Numbers that only writing needs; the others are in nf-tables.ts.

const NLM_F_CREATE = 0x400;
const [NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END] = [0x10, 0x11];
const [NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM] = [12, 14];

/** What the data of an element of `services` begins with. */
const gotoWord = 'goto ';
/** An attribute's length is a number of sixteen bits: so many elements of the longest kind fit into one. */
const elementsPerMessage = 300;

/** One message of a batch: elements of one set that are added or deleted together. */
export interface BatchMessage {
  readonly verb: 'add' | 'delete';
  readonly family: NatFamily;
  readonly set: NatElement['set'];
  readonly elements: readonly NatElement[];
}

/** What nf_tables takes as one transaction. The first message has the sequence number 1. */
export interface Batch {
  readonly octets: Buffer;
  readonly messages: readonly BatchMessage[];
}

/**
 * The changes of elements as one transaction, in the order that a change demands: of each family the deletions
 * first. Chains are not in it.
 */
export function elementBatch(change: NatChange): Batch {
  const messages = natFamilies.flatMap((family) => [...grouped('delete', family, change[family].deletes), ...grouped('add', family, change[family].adds)]);
  const writer = new NetlinkWriter();
  writer.message(NFNL_MSG_BATCH_BEGIN, 0, 0, () => writeGeneric(0, NFNL_SUBSYS_NFTABLES, writer));
  for (const [index, message] of messages.entries()) writeMessage(message, index + 1, writer);
  writer.message(NFNL_MSG_BATCH_END, 0, messages.length + 1, () => writeGeneric(0, NFNL_SUBSYS_NFTABLES, writer));
  return { octets: writer.octets, messages };
}

function grouped(verb: BatchMessage['verb'], family: NatFamily, elements: readonly NatElement[]): BatchMessage[] {
  const bySet = new Map<NatElement['set'], NatElement[]>();
  for (const element of elements) {
    const alike = bySet.get(element.set);
    if (alike) alike.push(element);
    else bySet.set(element.set, [element]);
  }
  return [...bySet].flatMap(([set, all]) => chunksOf(all).map((chunk) => ({ verb, family, set, elements: chunk })));
}

function chunksOf<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / elementsPerMessage) }, (_, index) => items.slice(index * elementsPerMessage, (index + 1) * elementsPerMessage));
}

function writeMessage({ verb, family, set, elements }: BatchMessage, sequence: number, writer: NetlinkWriter): void {
  const [type, flags] = verb === 'add' ? [NFT_MSG_NEWSETELEM, NLM_F_CREATE] : [NFT_MSG_DELSETELEM, 0];
  const { key, data } = shapeOfSet(family, set);
  const shape = verb === 'add' && data ? { key, data } : { key };
  writer.message((NFNL_SUBSYS_NFTABLES << 8) | type, flags, sequence, () => {
    writeGeneric(familyNumbers[family], 0, writer);
    writer.attribute(NFTA_TABLE, () => writer.string(tableName));
    writer.attribute(NFTA_SET_ELEM_LIST.set, () => writer.string(set));
    writer.nested(NFTA_SET_ELEM_LIST.elements, () => {
      for (const element of elements) writeElement(element, shape, writer);
    });
  });
}

/** @param shape without data only the element's key is written, by which it is deleted or looked up. */
export function writeElement({ key, data = '' }: NatElement, shape: ElementShape, writer: NetlinkWriter): void {
  const element = writer.beginNested(NFTA_LIST_ELEM);
  writeValue(NFTA_SET_ELEM.key, key, shape.key, writer);
  if (shape.data === 'verdict') writeVerdict(data.slice(gotoWord.length), writer);
  else if (shape.data) writeValue(NFTA_SET_ELEM.data, data, shape.data, writer);
  writer.end(element);
}

function writeValue(type: number, text: string, words: WordWriters, writer: NetlinkWriter): void {
  const outer = writer.beginNested(type);
  const value = writer.begin(NFTA_DATA.value);
  writeWords(text, words, writer);
  writer.end(value);
  writer.end(outer);
}

function writeVerdict(chain: string, writer: NetlinkWriter): void {
  const data = writer.beginNested(NFTA_SET_ELEM.data);
  const verdict = writer.beginNested(NFTA_DATA.verdict);
  const code = writer.begin(NFTA_VERDICT.code);
  writer.number32(NFT_GOTO);
  writer.end(code);
  const name = writer.begin(NFTA_VERDICT.chain);
  writer.string(chain);
  writer.end(name);
  writer.end(verdict);
  writer.end(data);
}

/** struct nfgenmsg; its last number is in network order. */
function writeGeneric(family: number, resource: number, writer: NetlinkWriter): void {
  writer.byte(family);
  writer.byte(0);
  writer.number16(resource);
}
