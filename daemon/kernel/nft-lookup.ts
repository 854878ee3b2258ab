import { setImmediate } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import { unavailable } from '../../src/model/errors.js';
import type { SetName } from '../../src/nat/elements.js';
import { tableName } from '../../src/nat/rules.js';
import type { NatFamily } from '../../src/nat/state.js';
import { readOwn16, readOwn32 } from './netlink-reader.js';
import { NetlinkWriter } from './netlink-writer.js';
import { familyNumbers, NFNL_SUBSYS_NFTABLES, NFT_MSG_GET, NFTA_SET_ELEM_LIST, NFTA_TABLE } from './nf-tables.js';
import { writeElement } from './nft-batch.js';
import { genericLength, headerLength, NLMSG_ERROR } from './nfnetlink-dump.js';
import { ElementDecoder, type ReadElements } from './nft-elements.js';
import { ask, enlargeReceiveBuffer, receiveNow } from './nfnetlink.js';
import { shapeOfSet } from './nft-octets.js';
import type { AddressTexts } from './nft-words.js';

/** The kernel answers with a message for each, which all wait to be received: 4 KiB and more, so that a buffer of 212,992 octets, as sockets have it, takes 40. */
const keysPerQuestion = 200;
const receiveBuffer = 4_194_304;
const longestAnswer = 4096;

/** In milliseconds: then others have their turn. */
const longestTurn = 4;

/**
 * The elements with these keys, as far as there are such. For a large set this is much quicker than to list it: for each 32 KiB of a
 * list the kernel begins anew, and passes over all that it has sent, see docs/decisions/elements-by-netlink.md.
 * @param socket for nothing else meanwhile.
 * @throws NetctlError `unavailable`
 */
export async function lookUpElements(socket: number, family: NatFamily, set: SetName, keys: readonly string[], texts: AddressTexts): Promise<Omit<ReadElements, 'dumped'>> {
  enlargeReceiveBuffer(socket, receiveBuffer);
  const decoder = new ElementDecoder(family, set, texts);
  const buffer = Buffer.allocUnsafeSlow(longestAnswer);
  let turn = performance.now();
  for (let start = 0; start < keys.length; ) {
    const asked = keys.slice(start, start + keysPerQuestion);
    ask(socket, question(family, set, asked));
    start += takeAnswers(socket, asked.length, buffer, decoder);
    if (performance.now() - turn < longestTurn) continue;
    await setImmediate();
    turn = performance.now();
  }
  return { elements: decoder.elements, isStrange: decoder.isStrange };
}

/** All answers are there when the question was sent. Returns for how many keys there was one: at the first that does not exist the kernel stops. */
function takeAnswers(socket: number, asked: number, buffer: Buffer, decoder: ElementDecoder): number {
  for (let answered = 0; answered < asked; answered += 1) {
    const length = receiveNow(socket, buffer);
    if (length > buffer.length) throw unavailable(`the kernel's nftables sent ${length} octets for one element, where netctl takes ${buffer.length}: that is a bug of netctl`);
    if (readOwn16(buffer, 4) === NLMSG_ERROR) {
      const name = getSystemErrorName(readOwn32(buffer, headerLength) | 0);
      if (name !== 'ENOENT') throw unavailable(`the kernel's nftables did not tell of elements: ${name}`);
      return answered + 1;
    }
    decoder.take(buffer.subarray(headerLength + genericLength, length));
  }
  return asked;
}

function question(family: NatFamily, set: SetName, keys: readonly string[]): Buffer {
  const writer = new NetlinkWriter();
  const { key: words } = shapeOfSet(family, set);
  writer.message((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GET.element, 0, 1, () => {
    writer.bytes(Buffer.from([familyNumbers[family], 0, 0, 0]));
    writer.attribute(NFTA_TABLE, () => writer.string(tableName));
    writer.attribute(NFTA_SET_ELEM_LIST.set, () => writer.string(set));
    writer.nested(NFTA_SET_ELEM_LIST.elements, () => {
      for (const key of keys) writeElement({ set, key }, { key: words }, writer);
    });
  });
  return writer.octets;
}
