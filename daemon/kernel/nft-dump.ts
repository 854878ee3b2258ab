import { NetlinkWriter } from './netlink-writer.js';
import { NFNL_SUBSYS_NFTABLES } from './nf-tables.js';
import { dumpAll, NLM_F_DUMP, type Dumped } from './nfnetlink-dump.js';

/** What is to be listed: all of a kind in a family, or what the attributes say. */
export interface DumpRequest {
  /** One of `NFT_MSG_GET`. */
  readonly kind: number;
  /** One of `familyNumbers`. */
  readonly family: number;
  /** Attributes that are strings. */
  readonly attributes?: readonly (readonly [type: number, text: string])[];
}

/**
 * Asks the kernel's nftables for a list. The other parameters are those of {@link dumpAll}.
 * @throws NetctlError `unavailable`
 */
export function dump(socket: number, request: DumpRequest, take: (attributes: Buffer) => void, size?: number): Promise<Dumped> {
  return dumpAll(socket, encoded(request), take, size);
}

function encoded({ kind, family, attributes = [] }: DumpRequest): Buffer {
  const writer = new NetlinkWriter();
  writer.message((NFNL_SUBSYS_NFTABLES << 8) | kind, NLM_F_DUMP, 1, () => {
    writer.bytes(Buffer.from([family, 0, 0, 0]));
    for (const [type, text] of attributes) writer.attribute(type, () => writer.string(text));
  });
  return writer.octets;
}
