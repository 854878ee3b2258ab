import type { ListedChain, ListedRule, ListedSet, Listing } from '../../src/nat/listing.js';
import { tableName } from '../../src/nat/rules.js';
import type { NatFamily } from '../../src/nat/state.js';
import { attributesOf, textOf } from './netlink-reader.js';
import { familyNumbers, NFT_DATA_VERDICT, NFT_MSG_GET, NFT_SET, NFTA_CHAIN, NFTA_EXPR, NFTA_HOOK, NFTA_RULE, NFTA_SET, NFTA_TABLE, NFTA_TABLE_FLAGS } from './nf-tables.js';
import { dump } from './nft-dump.js';

type Attributes = ReadonlyMap<number, Buffer>;

/** By the numbers that nft gives them (enum datatypes of its datatype.h); the kernel only keeps those. */
const typeNames: ReadonlyMap<number, string> = new Map([[7, 'ipv4_addr'], [8, 'ipv6_addr'], [12, 'inet_proto'], [13, 'inet_service'], [19, 'mark'], [27, 'ct_dir'], [41, 'ifname']]);
/** So many bits has each type of a concatenation. */
const typeBits = 6;

/** NF_INET_PRE_ROUTING and so on of linux/netfilter.h. */
const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress'];
const policies = ['drop', 'accept'];

/** NFTNL_UDATA_RULE_COMMENT of libnftnl's udata.h. */
const commentType = 0;

/** The table of a family in the socket's namespace, without its elements; `changed` if it was meanwhile. */
export async function readListing(socket: number, family: NatFamily): Promise<Listing | 'missing' | 'changed'> {
  const listed = { tables: [] as Attributes[], sets: [] as Attributes[], chains: [] as Attributes[], rules: [] as Attributes[], objects: [] as Attributes[], flowtables: [] as Attributes[] };
  for (const [kind, into] of [
    [NFT_MSG_GET.table, listed.tables],
    [NFT_MSG_GET.set, listed.sets],
    [NFT_MSG_GET.chain, listed.chains],
    [NFT_MSG_GET.rule, listed.rules],
    [NFT_MSG_GET.object, listed.objects],
    [NFT_MSG_GET.flowtable, listed.flowtables],
  ] as const) {
    const dumped = await dump(socket, { kind, family: familyNumbers[family] }, (octets) => keepOurs(octets, into));
    if (dumped === 'changed') return 'changed';
    if (listed.tables.length === 0) return 'missing';
  }
  return {
    sets: listed.sets.filter((set) => (numberIn(set, NFTA_SET.flags) & NFT_SET.anonymous) === 0).map(setOf),
    chains: listed.chains.map(chainOf),
    rules: listed.rules.map(ruleOf),
    others: [
      ...listed.tables.filter((table) => numberIn(table, NFTA_TABLE_FLAGS) !== 0).map(() => 'flags of the table'),
      ...listed.objects.map(() => 'object'),
      ...listed.flowtables.map(() => 'flowtable'),
    ],
  };
}

/** All tables of the family are listed, as only newer kernels leave others out. The octets are copied. */
function keepOurs(octets: Buffer, into: Attributes[]): void {
  const attributes = attributesOf(octets);
  if (textOf(attributes.get(NFTA_TABLE)) === tableName) into.push(attributesOf(Buffer.from(octets)));
}

function setOf(set: Attributes): ListedSet {
  const isMap = (numberIn(set, NFTA_SET.flags) & NFT_SET.map) !== 0;
  const [key, data] = [numberIn(set, NFTA_SET.keyType), numberIn(set, NFTA_SET.dataType)].map(typeText);
  // One is in an attribute of its own, several are in a list.
  const expression = set.get(NFTA_SET.expression);
  const expressions = set.has(NFTA_SET.expressions) ? ['several'] : expression ? [textOf(attributesOf(expression).get(NFTA_EXPR.name))] : [];
  const size = set.has(NFTA_SET.count) ? { size: numberIn(set, NFTA_SET.count) } : {};
  return { kind: isMap ? 'map' : 'set', name: textIn(set, NFTA_SET.name), type: isMap ? `${key} : ${data}` : (key ?? ''), expressions, ...size };
}

function typeText(number: number): string {
  if (number === NFT_DATA_VERDICT) return 'verdict';
  const names: string[] = [];
  for (let rest = number; rest !== 0; rest >>>= typeBits) names.unshift(typeNames.get(rest & ((1 << typeBits) - 1)) ?? '?');
  return names.join(' . ');
}

function chainOf(chain: Attributes): ListedChain {
  const [name, hook] = [textIn(chain, NFTA_CHAIN.name), chain.get(NFTA_CHAIN.hook)];
  if (!hook) return { name };
  const place = attributesOf(hook);
  const base = { type: textIn(chain, NFTA_CHAIN.type), hook: hooks[numberIn(place, NFTA_HOOK.number)] ?? '?', priority: numberIn(place, NFTA_HOOK.priority) | 0, policy: policies[numberIn(chain, NFTA_CHAIN.policy)] ?? '?' };
  return { name, base };
}

function ruleOf(rule: Attributes): ListedRule {
  return { chain: textIn(rule, NFTA_RULE.chain), comment: commentIn(rule.get(NFTA_RULE.userdata)) };
}

/** nft's own: octets of type and length before each value. */
function commentIn(userdata: Buffer = Buffer.alloc(0)): string {
  for (let start = 0; start + 2 <= userdata.length; ) {
    const [type, length = 0] = userdata.subarray(start, start + 2);
    if (type === commentType) return textOf(userdata.subarray(start + 2, start + 2 + length));
    start += 2 + length;
  }
  return '';
}

function textIn(attributes: Attributes, type: number): string {
  return textOf(attributes.get(type));
}

/** nftables' own numbers are in network order. Absent is 0. */
function numberIn(attributes: Attributes, type: number): number {
  const octets = attributes.get(type);
  return octets && octets.length >= 4 ? octets.readUInt32BE(0) : 0;
}
