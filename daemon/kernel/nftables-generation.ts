import { createNetlink, Protocol } from 'netlink';
import { unavailable } from '../../src/model/errors.js';
import { inNamespace } from './netns.js';
import { kernelError } from './rtnetlink-errors.js';

/** Milliseconds. The kernel answers within microseconds. */
const timeout = 10_000;

/** NFT_MSG_GETGEN of the subsystem NFNL_SUBSYS_NFTABLES, and its answer NFT_MSG_NEWGEN (linux/netfilter/nf_tables.h). */
const [getGeneration, newGeneration] = [0x0a10, 0x0a0f];
/** The header of nfnetlink's messages: any family, version 0, no resource. */
const header = Buffer.alloc(4);
const numberAttribute = 1;

/**
 * The number of the namespace's nftables rule set: the kernel counts it up with every transaction, of whatever
 * program. The socket is opened for the one question: that takes a tenth of a millisecond, and nothing must be
 * thought of when the namespace goes.
 * @param namespace the file that holds the namespace.
 * @throws NetctlError `unavailable`
 */
export async function rulesetGeneration(namespace: string): Promise<number> {
  const socket = inNamespace(namespace, () => createNetlink(Protocol.NETFILTER));
  try {
    const [[answer]] = await socket.request(getGeneration, header, { timeout });
    if (answer?.type !== newGeneration) throw unavailable('the kernel did not tell the number of the nftables rules');
    return generationIn(answer.data.subarray(header.length));
  } catch (cause) {
    throw kernelError('learn whether the nftables rules were changed', cause);
  } finally {
    socket.close();
  }
}

/** The attribute comes first; all are of four octets of length and type and, here, four in network order. */
function generationIn(attributes: Uint8Array): number {
  const octets = Buffer.from(attributes);
  if (octets.length < 8 || octets.readUInt16LE(2) !== numberAttribute) throw unavailable('the number of the nftables rules is not where it should be');
  return octets.readUInt32BE(4);
}
