import { closeSync } from 'node:fs';
import { unavailable } from '../../src/model/errors.js';
import { attributesOf, readOwn16 } from './netlink-reader.js';
import { NetlinkWriter } from './netlink-writer.js';
import { NFNL_SUBSYS_NFTABLES } from './nf-tables.js';
import { ask, openNfnetlink, receiveNow } from './nfnetlink.js';
import { headerLength, genericLength } from './nfnetlink-dump.js';

/** NFT_MSG_GETGEN, and its answer NFT_MSG_NEWGEN with NFTA_GEN_ID (linux/netfilter/nf_tables.h). */
const [getGeneration, newGeneration] = [(NFNL_SUBSYS_NFTABLES << 8) | 16, (NFNL_SUBSYS_NFTABLES << 8) | 15];
const NFTA_GEN_ID = 1;
const answerSize = 512;

/**
 * The number of the namespace's nftables rule set: the kernel counts it up with every transaction, of whatever
 * program. A socket is opened for the one question, which takes a tenth of a millisecond, and much longer where something was just deleted: see {@link NfnetlinkSockets}.
 * @param namespace the file that holds the namespace.
 * @throws NetctlError `unavailable`
 */
export function rulesetGeneration(namespace: string): number {
  const socket = openNfnetlink(namespace);
  try {
    return generationBy(socket);
  } finally {
    closeSync(socket);
  }
}

/**
 * The same, by a socket that is for nothing else meanwhile. The kernel answers before `send` returns.
 * @throws NetctlError `unavailable`
 */
export function generationBy(socket: number): number {
  ask(socket, question);
  const buffer = Buffer.alloc(answerSize);
  const answer = buffer.subarray(0, receiveNow(socket, buffer));
  const value = answer.length > headerLength && readOwn16(answer, 4) === newGeneration ? attributesOf(answer.subarray(headerLength + genericLength)).get(NFTA_GEN_ID) : undefined;
  if (value?.length !== 4) throw unavailable('the kernel did not tell the number of the nftables rules');
  return value.readUInt32BE(0);
}

const question = questionOctets();

function questionOctets(): Buffer {
  const writer = new NetlinkWriter();
  // struct nfgenmsg: any family, version 0, no resource.
  writer.message(getGeneration, 0, 1, () => writer.bytes(Buffer.alloc(genericLength)));
  return writer.octets;
}
