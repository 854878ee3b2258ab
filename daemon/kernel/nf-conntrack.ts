// The numbers of linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h and nf_conntrack_tcp.h for listing and forgetting connections.

export const NFNL_SUBSYS_CTNETLINK = 1;
export const IPCTNL_MSG_CT = { get: 1, delete: 2 } as const;

export const CTA = { original: 1, reply: 2, status: 3, protocolInfo: 4, id: 12, filter: 25 } as const;
export const CTA_TUPLE = { ip: 1, protocol: 2 } as const;
export const CTA_IP = { 4: { source: 1, destination: 2 }, 6: { source: 3, destination: 4 } } as const;
export const CTA_PROTO = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
export const CTA_PROTOINFO_TCP = 1;
export const CTA_PROTOINFO_TCP_STATE = 1;

/** Which parts of the two tuples a list is limited by, since Linux 5.8; earlier ones pass over it and list all. */
export const CTA_FILTER = { original: 1, reply: 2 } as const;
export const CTA_FILTER_FLAG = { source: 1 << 0, destination: 1 << 1 } as const;

export const IPS_DST_NAT = 1 << 5;

/** LAST_ACK, TIME_WAIT and CLOSE: the connection has ended. */
export const closedTcpStates: ReadonlySet<number> = new Set([6, 7, 8]);
