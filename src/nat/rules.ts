import { routerUplinkName } from '../fabric/uplink.js';
import { algorithms, type Algorithm } from '../model/service.js';
import { fnv1a } from './hash.js';
import type { BalanceChain, NatFamily } from './state.js';

/** The table of netctl, in a router's namespace, of both families. */
export const tableName = 'netctl';

export interface Rule {
  readonly text: string;
  /** Tells a reader of `nft list` what the rule is for, and {@link balanceChainsIn} that it is ours. */
  readonly comment: string;
}

export interface BaseChain {
  readonly name: string;
  readonly type: 'nat' | 'filter';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'postrouting';
  /** A number: nft knows the words for it in some hooks only. */
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  readonly rules: readonly Rule[];
}

export interface ElementSet {
  readonly name: string;
  readonly kind: 'map' | 'set';
  readonly type: string;
  /** Its elements count the packets and octets for which they were found. */
  readonly counter?: true;
}

interface Words {
  readonly ip: string;
  readonly address: string;
  readonly unreachable: string;
  /** What the router itself takes at a service IP: one may be its own address, as that of the uplink is. */
  readonly answered: string;
}

/** The two tables have one shape and differ in these words only. */
const words: Record<NatFamily, Words> = {
  ip: { ip: 'ip', address: 'ipv4_addr', unreachable: 'icmp port-unreachable', answered: 'icmp type echo-request' },
  ip6: { ip: 'ip6', address: 'ipv6_addr', unreachable: 'icmpv6 port-unreachable', answered: 'icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert }' },
};

export function elementSets(family: NatFamily): ElementSet[] {
  const { address } = words[family];
  return [
    { kind: 'map', name: 'services', type: `${address} . inet_proto . inet_service : mark` },
    { kind: 'map', name: 'balancers', type: 'mark : verdict' },
    { kind: 'map', name: 'slots', type: `${address} . inet_proto . inet_service . mark : ${address} . inet_service` },
    { kind: 'set', name: 'service_ips', type: address },
    { kind: 'map', name: 'legs', type: `${address} . inet_proto . inet_service . ${address} : mark`, counter: true },
    { kind: 'set', name: 'traffic', type: 'mark . ct_dir', counter: true },
    { kind: 'map', name: 'hairpin', type: `${address} . ${address} : ${address}` },
    { kind: 'set', name: 'segments', type: 'ifname . ifname' },
    { kind: 'set', name: 'routed', type: 'ifname . ifname' },
  ];
}

/** The rules that never change. What they do to a packet is told in docs/dataplane.md. */
export function baseChains(family: NatFamily): BaseChain[] {
  return [translate(words[family]), refuse(words[family]), forward(), hairpin(words[family])];
}

/**
 * -100 is nftables' `dstnat`. Whoever gives an address of another network as its own would make the
 * router, or a provider, answer into that network. rp_filter is no remedy: a provider in two networks
 * may well answer through the other one, and only who begins a connection is asked here.
 */
function translate({ ip }: Words): BaseChain {
  return {
    ...{ name: 'translate', type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' },
    rules: [
      { text: 'fib daddr type local fib saddr . iif oif missing drop', comment: 'with a source of another network' },
      { text: `meta mark set ${ip} daddr . meta l4proto . th dport map @services meta mark vmap @balancers`, comment: 'to a service port: balance it' },
    ],
  };
}

/**
 * What no rule translated comes to the router itself, by the local route that each service IP is; what was translated goes on to
 * its provider, and is not looked up here.
 *
 * TCP is answered with a reset and not with an ICMP error, because the kernel may limit the rate of the
 * latter and a client would wait for its time-out. Invalid packets are dropped unanswered: they may be
 * of a live connection, which a reset would end.
 */
function refuse({ ip, answered, unreachable }: Words): BaseChain {
  return {
    ...{ name: 'refuse', type: 'filter', hook: 'input', priority: 0, policy: 'accept' },
    rules: [
      { text: `${ip} daddr != @service_ips accept`, comment: 'not, or no longer, to a service IP' },
      { text: 'ct state invalid drop', comment: 'of a connection that is not known' },
      { text: `${answered} accept`, comment: 'the router itself is meant' },
      { text: 'meta l4proto tcp reject with tcp reset', comment: 'no such port, or no provider' },
      { text: `reject with ${unreachable}`, comment: 'no such port, or no provider' },
    ],
  };
}

/**
 * Most packets are of connections that are known, so these rules come first; the first of them also counts. It costs 1.4 % of
 * the time that a small packet takes, see docs/decisions/traffic-counters.md.
 *
 * An invalid packet was not translated. Passed on, a provider's answer would reach the client from the
 * provider's own address, and the client's reset of this would end the connection.
 *
 * A network has no rules before it has a provider, see `answeredNetworks`. Connections between its containers may be open then, and conntrack
 * takes them up with their next packet, unless that is their end: it would be dropped as often as it is sent again. A reset that
 * somebody answers to such a packet is still dropped.
 *
 * Within a network frames go from port to port and are not the router's to route. What a client still
 * sends to it for a service IP that was deleted would, routed back into the network, be tracked without a
 * translation, and a UDP client that goes on sending would be refused when the service is there again.
 * Frames to the router are known by the beginning of its MAC addresses, see `bridgeMac`.
 *
 * Containers send what their own network takes. The way may take less: an uplink, if the segments are larger, or the network of a
 * container that was not given a new MTU yet. TCP is told in the first packet of a connection, so that the packets of all others
 * do not pay for it; what is left is told by ICMP.
 *
 * A service whose provider is in none of the networks must not lead out to the default route. Nor may anything
 * leave with the address of another network as its source: the masquerade would hide it from the host, and the
 * answers would be brought to the address' owner.
 */
function forward(): BaseChain {
  return {
    ...{ name: 'forward', type: 'filter', hook: 'forward', priority: 0, policy: 'drop' },
    rules: [
      { text: 'ct mark != 0 ct mark . ct direction @traffic accept', comment: 'through a service: count it' },
      { text: 'ct state established,related accept', comment: 'of a connection that was let through' },
      { text: 'ct state invalid tcp flags & (fin | syn | rst) == fin ether daddr & ff:ff:ff:00:00:00 != 02:01:00:00:00:00 meta iifname . meta oifname @segments accept', comment: 'the end of a connection from before its network had rules' },
      { text: 'ct state invalid drop', comment: 'of a connection that is not known' },
      { text: 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu', comment: 'no segments larger than the way takes' },
      { text: `ct status dnat meta oifname != "${routerUplinkName}" accept`, comment: 'through a service' },
      { text: 'ether daddr & ff:ff:ff:00:00:00 != 02:01:00:00:00:00 meta iifname . meta oifname @segments accept', comment: 'from port to port of a network' },
      { text: `meta oifname "${routerUplinkName}" fib saddr . iif oif missing drop`, comment: 'out, with a source of another network' },
      { text: 'ct status dnat drop', comment: 'through a service, and out again' },
      { text: 'meta iifname . meta oifname @routed accept', comment: 'between a network and the uplink' },
    ],
  };
}

/**
 * 100 is nftables' `srcnat`. The mark has done its work; nothing behind this point shall see it.
 *
 * Tenants overlap, so that the host must see one address of each. An answer to what came in by the uplink is
 * of a known connection, and does not come by here.
 */
function hairpin({ ip }: Words): BaseChain {
  return {
    ...{ name: 'hairpin', type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
    rules: [
      { text: 'meta mark set 0', comment: 'the slot number is no longer needed' },
      { text: `ct status dnat meta l4proto { tcp, udp } ct mark set ct original ${ip} daddr . meta l4proto . ct original proto-dst . ${ip} daddr map @legs`, comment: 'a new connection through a service: count it' },
      { text: `snat ${ip} to ${ip} saddr . ${ip} daddr map @hairpin`, comment: 'from a provider to itself' },
      { text: `meta oifname "${routerUplinkName}" masquerade`, comment: 'out: the host sees one address of each tenant' },
    ],
  };
}

/** How the algorithms choose one of so many slots. The seed is fixed, so that a client keeps its slot when tables are made anew, and has the same on other hosts. */
const choices: Record<Algorithm, (ip: string, slots: number) => Rule> = {
  roundrobin: (_, slots) => ({ text: `meta mark set numgen inc mod ${slots}`, comment: 'the next slot' }),
  random: (_, slots) => ({ text: `meta mark set numgen random mod ${slots}`, comment: 'any slot' }),
  source: (ip, slots) => ({ text: `meta mark set jhash ${ip} saddr mod ${slots} seed 0x6e746374`, comment: "the client's slot" }),
};

/**
 * Chooses a slot, and with it the provider. The number goes through the packet's mark because nft 1.0.6
 * takes no `numgen` within a key, see docs/decisions/balance-chains.md. A packet without a slot
 * passes on, still addressed to the service IP, and is refused.
 */
export function balanceRules(family: NatFamily, { algorithm, slots }: Pick<BalanceChain, 'algorithm' | 'slots'>): Rule[] {
  const { ip } = words[family];
  return [
    choices[algorithm](ip, slots),
    { text: `dnat ${ip} to ${ip} daddr . meta l4proto . th dport . meta mark map @slots`, comment: 'its provider' },
  ];
}

/**
 * The name of an empty chain that says which version of the rules the table has: it changes with every
 * letter of them.
 */
export function versionChain(family: NatFamily): string {
  const text = JSON.stringify([elementSets(family), baseChains(family), algorithms.map((algorithm) => balanceRules(family, { algorithm, slots: 1 }))]);
  return `version_${fnv1a(text).toString(16).padStart(8, '0')}`;
}

