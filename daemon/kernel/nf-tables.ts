import type { NatFamily } from '../../src/nat/state.js';

// The numbers of linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h for reading tables and changing elements.

export const NFNL_SUBSYS_NFTABLES = 10;

/** NFPROTO_IPV4 and NFPROTO_IPV6. */
export const familyNumbers: Readonly<Record<NatFamily, number>> = { ip: 2, ip6: 10 };

/** What can be asked for: NFT_MSG_GETTABLE and so on. */
export const NFT_MSG_GET = { table: 1, chain: 4, rule: 7, set: 10, element: 13, object: 19, flowtable: 23 } as const;

/** NFTA_CHAIN_TABLE, NFTA_RULE_TABLE and so on: whatever is in a table has the table's name here, and so has the table itself. */
export const NFTA_TABLE = 1;
export const NFTA_TABLE_FLAGS = 2;
export const NFTA_CHAIN = { name: 3, hook: 4, policy: 5, type: 7 } as const;
export const NFTA_HOOK = { number: 1, priority: 2 } as const;
export const NFTA_RULE = { chain: 2, userdata: 7 } as const;
export const NFTA_SET = { name: 2, flags: 3, keyType: 4, dataType: 6, expression: 17, expressions: 18, count: 20 } as const;
export const NFT_SET = { anonymous: 0x1, map: 0x8 } as const;

/** The type of data that is a verdict; of others nft chose the number. */
export const NFT_DATA_VERDICT = 0xffff_ff00;

export const NFTA_SET_ELEM_LIST = { set: 2, elements: 3 } as const;
export const NFTA_LIST_ELEM = 1;
export const NFTA_SET_ELEM = { key: 1, data: 2, expression: 7, pad: 8, expressions: 11 } as const;
export const NFTA_DATA = { value: 1, verdict: 2 } as const;
export const NFTA_VERDICT = { code: 1, chain: 2 } as const;
export const NFT_GOTO = -4;
export const NFTA_EXPR = { name: 1, data: 2 } as const;
export const NFTA_COUNTER = { bytes: 1, packets: 2 } as const;
