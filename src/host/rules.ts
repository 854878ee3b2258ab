import { deviceNameBeginning } from '../encryption/names.js';
import { endAddresses } from '../fabric/uplink.js';
import type { Family } from '../model/address.js';
import type { HostOverlay, HostPublication, HostUplink } from './input.js';
import { fixedDockerBridges } from './reach.js';

/** The table of netctl in the host's own namespace, of the family inet. */
export const hostTableName = 'netctl_host';

/**
 * The table's whole text for these uplinks, as nft takes it. The rules are always the same, but for those of the overlay, what differs is in
 * the sets and maps. How a packet goes through it is told in docs/dataplane.md.
 */
export function hostRules(uplinks: readonly HostUplink[], dockerBridges: readonly string[], overlay?: HostOverlay): string {
  const bridges = set('set', 'bridges', 'ifname', [...dockerBridges, ...fixedDockerBridges]);
  return [`table inet ${hostTableName} {`, ...bridges, ...([4, 6] as const).flatMap((family) => sets(family, uplinks)), ...chains, ...(overlay ? overlayLines(overlay) : []), '}', ''].join('\n');
}

const families: readonly Family[] = [4, 6];
const addressTypes = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;

function sets(family: Family, uplinks: readonly HostUplink[]): string[] {
  const address = addressTypes[family];
  const routers = uplinks.map(({ link }) => ({ link: link.host.link, address: link.router[`ipv${family}`].toString() }));
  const subnets = uplinks.flatMap(({ link, subnets }) => subnets.filter((subnet) => subnet.family === family).map((subnet) => `${link.host.link} . ${subnet.toString()}`));
  const publications = uplinks.flatMap(({ link, publications }) => {
    const router = endAddresses(link.router, new Set([family])).join('');
    return publications.filter((publication) => isPublished(publication, family)).map((publication) => ({ ...publication, router }));
  });
  const port = ({ protocol, hostPort }: HostPublication): string => `${protocol} . ${hostPort}`;
  const target = ({ router, routerPort }: (typeof publications)[number]): string => `${router} . ${routerPort}`;
  return [
    ...set('map', `ports${family}`, `inet_proto . inet_service : ${address} . inet_service`, publications.filter(({ hostIp }) => !hostIp).map((each) => `${port(each)} : ${target(each)}`)),
    ...set('map', `addresses${family}`, `${address} . inet_proto . inet_service : ${address} . inet_service`, publications.filter(({ hostIp }) => hostIp).map((each) => `${each.hostIp?.toString() ?? ''} . ${port(each)} : ${target(each)}`)),
    ...set('set', `routers${family}`, address, routers.map(({ address }) => address)),
    ...set('set', `sources${family}`, `ifname . ${address}`, routers.map(({ link, address }) => `${link} . ${address}`)),
    ...set('set', `subnets${family}`, `ifname . ${address}; flags interval`, subnets),
  ];
}

/** A publication at one address has the family of this, at all addresses those of its container. */
function isPublished({ hostIp, families }: HostPublication, family: Family): boolean {
  return families.includes(family) && (hostIp === undefined || hostIp.family === family);
}

function set(kind: 'map' | 'set', name: string, type: string, elements: readonly string[]): string[] {
  const sorted = [...new Set(elements)].toSorted();
  return [`  ${kind} ${name} {`, `    type ${type}`, ...(sorted.length === 0 ? [] : [`    elements = { ${sorted.join(', ')} }`]), '  }'];
}

/** Each chain as its lines. A rule is its text and, as a comment, what it is for. */
const chains: readonly string[] = [
  // Before conntrack (-200), so that answers, which are translated back to 127.0.0.1 later, do not look like this.
  ...chain('loopback', 'type filter hook prerouting priority -300; policy accept;', [
    ['iifname "nu-*" ip daddr 127.0.0.0/8 drop', 'route_localnet opens the loopback to the host only'],
  ]),
  // A little before Docker's (-100), who would otherwise be asked first.
  ...chain('published_in', 'type nat hook prerouting priority -105; policy accept;', [
    ['ip daddr 127.0.0.0/8 return', 'from another machine: the kernel drops it, untranslated'],
    ['jump published', 'from another machine or a container'],
  ]),
  ...chain('published_out', 'type nat hook output priority -105; policy accept;', [['jump published', 'from the host itself']]),
  ...chain('published', '', [
    ['fib daddr type != local return', 'to somebody else'],
    ...([4, 6] as const).flatMap((family): Rule[] => [
      [`dnat ${ipWord(family)} to ${ipWord(family)} daddr . meta l4proto . th dport map @addresses${family}`, 'published at this address'],
      [`meta nfproto ipv${family} dnat ${ipWord(family)} to meta l4proto . th dport map @ports${family}`, 'published at every address'],
    ]),
  ]),
  // A little before Docker's (100).
  ...chain('own_address', 'type nat hook postrouting priority 95; policy accept;', [
    ['oifname "nu-*" fib saddr type local masquerade', 'from the host itself'],
    ...([4, 6] as const).flatMap((family): Rule[] => [
      [`oifname "nu-*" ${ipWord(family)} saddr @routers${family} masquerade`, 'from a container'],
      [`oifname . ${ipWord(family)} saddr @subnets${family} masquerade`, 'the router would take the client for its own'],
      [`oifname != "nu-*" ${ipWord(family)} saddr @routers${family} masquerade`, 'from a container to the outside'],
    ]),
  ]),
  ...chain('forward', 'type filter hook forward priority 0; policy accept;', [
    ['iifname != "nu-*" oifname != "nu-*" accept', 'not of an uplink'],
    ['ct state invalid drop', 'of a connection that is not known'],
    ['ct state established,related accept', 'of a connection that was let through'],
    ...([4, 6] as const).map((family): Rule => [
      `iifname "nu-*" meta nfproto ipv${family} iifname . ${ipWord(family)} saddr != @sources${family} drop`,
      'a router sends with its own address',
    ]),
    ['ct status dnat accept', 'to a published port'],
    ['iifname "nu-*" oifname @bridges drop', "Docker's own networks are reached by what they publish"],
    ['iifname "nu-*" oifname "nu-*" drop', 'tenants do not reach each other'],
    ['oifname "nu-*" drop', 'from another machine to what is not published'],
  ]),
];

/** Whoever could send VXLAN packets from elsewhere would be in any network of any tenant: their number is all that they are told apart by. */
function overlayLines({ port, hosts, encryptedPort }: HostOverlay): string[] {
  const addresses = (family: Family): string[] => hosts.filter((host) => host.family === family).map((host) => host.toString());
  return [
    ...families.flatMap((family) => set('set', `hosts${family}`, addressTypes[family], addresses(family))),
    // Each connection inside has a UDP source port of its own (RFC 7348), which to conntrack is another connection: two entries for half a minute
    // on either host, of which a few thousand connections a second fill its table, and then nothing new passes at all. Before it (-200).
    ...chain('untracked_in', 'type filter hook prerouting priority -300; policy accept;', [
      ...families.map((family): Rule => [`udp dport ${port} iifname != @bridges ${ipWord(family)} saddr @hosts${family} notrack`, 'VXLAN from a host of netctl']),
      [`udp dport ${encryptedPort} iifname "${deviceNameBeginning}*" notrack`, 'VXLAN out of a tunnel'],
    ]),
    ...chain('untracked_out', 'type filter hook output priority -300; policy accept;', [
      ...families.map((family): Rule => [`udp dport ${port} ${ipWord(family)} daddr @hosts${family} notrack`, 'VXLAN to a host of netctl']),
      [`udp dport ${encryptedPort} notrack`, 'VXLAN into a tunnel'],
    ]),
    ...chain('overlay', 'type filter hook input priority 0; policy accept;', [
      [`udp dport != ${port} accept`, 'not VXLAN'],
      ...families.map((family): Rule => [`iifname != @bridges ${ipWord(family)} saddr @hosts${family} accept`, 'from a host of netctl']),
      ['meta l4proto udp counter drop', 'from a stranger'],
    ]),
    // What a container sends leaves with this host's address, by which the other hosts would take it for this host's own.
    ...chain('overlay_through', 'type filter hook forward priority 0; policy accept;', [
      ...families.flatMap((family): Rule[] => [
        [`udp dport ${port} iifname @bridges ${ipWord(family)} daddr @hosts${family} counter drop`, "from a container on one of Docker's own networks"],
        [`udp dport ${port} ${ipWord(family)} saddr != @hosts${family} ${ipWord(family)} daddr @hosts${family} counter drop`, 'from a container or a stranger'],
      ]),
    ]),
    // Whatever becomes of the tunnels, of their routes and of their programs: without a tunnel nothing leaves, and nothing is taken.
    ...chain('encrypted_in', 'type filter hook input priority 0; policy accept;', [
      [`udp dport != ${encryptedPort} accept`, 'not VXLAN of encrypted networks'],
      [`iifname "${deviceNameBeginning}*" accept`, 'out of a tunnel'],
      ['meta l4proto udp counter drop', 'in clear'],
    ]),
    ...chain('encrypted_out', 'type filter hook output priority 0; policy accept;', [
      [`udp dport != ${encryptedPort} accept`, 'not VXLAN of encrypted networks'],
      [`oifname "${deviceNameBeginning}*" accept`, 'into a tunnel'],
      ['meta l4proto udp counter drop', 'in clear'],
    ]),
    // What a container sends there would leave with the tunnel's own address, and be taken for this host's.
    ...chain('encrypted_through', 'type filter hook forward priority 0; policy accept;', [
      [`iifname "${deviceNameBeginning}*" counter drop`, 'tunnels lead to hosts, not beyond'],
      [`oifname "${deviceNameBeginning}*" counter drop`, 'tunnels are for what hosts send'],
    ]),
  ];
}

type Rule = readonly [text: string, comment: string];

function chain(name: string, hook: string, rules: readonly Rule[]): string[] {
  return [`  chain ${name} {`, ...(hook === '' ? [] : [`    ${hook}`]), ...rules.map(([text, comment]) => `    ${text} comment "${comment}"`), '  }'];
}

function ipWord(family: Family): string {
  return family === 4 ? 'ip' : 'ip6';
}
