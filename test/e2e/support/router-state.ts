import type { FabricLink, FabricState } from '../../../src/fabric/state.js';
import { parseTable } from '../../support/nft-listing.js';
import type { NatState } from '../../../src/nat/state.js';
import type { Host } from './lab.js';

// What a router holds, as `ip` tells it: not by netctl's own eyes.

interface IpLink {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly address: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind: string; readonly info_data?: { readonly nf_call_iptables?: number; readonly nf_call_ip6tables?: number }; readonly info_slave_data?: { readonly hairpin?: boolean; readonly learning?: boolean; readonly neigh_suppress?: boolean } };
}

interface IpAddressOf {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

interface IpNeighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr: string;
}

interface IpRoute {
  readonly type?: string;
  readonly dst: string;
  readonly dev: string;
  readonly protocol?: string;
}

interface FdbEntry {
  readonly mac: string;
  readonly ifname: string;
  readonly dst?: string;
  readonly master?: string;
  readonly state?: string;
}

/** One line for each link, address, route, neighbour and way to an endpoint on another host, sorted. What the kernel adds by itself is left out. */
export async function observedFabric(host: Host, tenant: string): Promise<string[]> {
  const [links, addresses, neighbours, routes, fdb] = await Promise.all([
    list<IpLink>(host, tenant, 'ip', '-d', 'link'),
    list<IpAddressOf>(host, tenant, 'ip', 'address'),
    list<IpNeighbour>(host, tenant, 'ip', 'neighbour', 'show', 'nud', 'permanent'),
    list<IpRoute>(host, tenant, 'ip', 'route', 'show', 'table', 'all'),
    list<FdbEntry>(host, tenant, 'bridge', 'fdb', 'show'),
  ]);
  return [
    ...links.filter(({ ifname }) => ifname !== 'lo').map(linkLine),
    ...addresses.filter(({ ifname }) => ifname !== 'lo').flatMap(({ ifname, addr_info }) => addr_info.map(({ local, prefixlen }) => `address ${local}/${prefixlen} ${ifname}`)),
    ...neighbours.map(({ dst, dev, lladdr }) => `neighbour ${dst} ${dev} ${lladdr}`),
    ...routes.filter(({ protocol }) => protocol !== 'kernel').map(({ type, dst, dev }) => `route ${type ?? 'unicast'} ${dst.replace(/\/32$/, '')} ${dev}`),
    ...fdb.filter(({ ifname, dst, state }) => ifname.startsWith('vx') && (dst !== undefined || state === 'static')).map(({ mac, ifname, dst, master }) => `fdb ${mac} ${ifname} ${dst ?? master}`),
  ].sort();
}

function linkLine({ ifname, flags, address, master, linkinfo }: IpLink): string {
  const up = flags.includes('UP') ? 'up' : 'down';
  const { nf_call_iptables, nf_call_ip6tables } = linkinfo?.info_data ?? {};
  if (linkinfo?.info_kind === 'bridge') return `bridge ${ifname} ${address} netfilter=${nf_call_iptables},${nf_call_ip6tables} ${up}`;
  const { hairpin = false, learning = true, neigh_suppress = false } = linkinfo?.info_slave_data ?? {};
  const port = linkinfo?.info_kind === 'vxlan' ? `learning=${learning} suppressing=${neigh_suppress}` : `hairpin=${hairpin}`;
  return `${linkinfo?.info_kind} ${ifname} ${master ?? 'nowhere'} ${port} ${up}`;
}

/** A plan in the same lines. */
export function plannedFabric({ links, addresses, neighbours, routes }: FabricState): string[] {
  return [
    ...[...links.values()].map(plannedLink),
    ...[...addresses.values()].map(({ address, length, link }) => `address ${address.toString()}/${length} ${link}`),
    ...[...neighbours.values()].map(({ address, link, mac }) => `neighbour ${address.toString()} ${link} ${mac.toString()}`),
    ...[...routes.values()].map(({ kind, prefix, link }) => `route ${kind === 'service' ? 'local' : 'unicast'} ${prefix.length === 0 ? 'default' : prefix.toString().replace(/\/32$/, '')} ${link}`),
  ].sort();
}

function plannedLink(link: FabricLink): string {
  const up = link.up ? 'up' : 'down';
  const netfilter = link.kind === 'bridge' && link.netfilter ? 1 : 0;
  if (link.kind === 'bridge') return `bridge ${link.name} ${link.mac.toString()} netfilter=${netfilter},${netfilter} ${up}`;
  const [bridge, hairpin] = link.kind === 'port' ? [link.bridge, link.hairpin] : [undefined, false];
  return `veth ${link.name} ${bridge ?? 'nowhere'} hairpin=${hairpin} ${up}`;
}

/** The bridges that have netfilter. */
export async function netfilteredBridges(host: Host, tenant: string): Promise<Set<string>> {
  const links = await list<IpLink>(host, tenant, 'ip', '-d', 'link');
  return new Set(links.filter(({ linkinfo }) => linkinfo?.info_data?.nf_call_iptables === 1).map(({ ifname }) => ifname));
}

/** Undefined if the tables are not netctl's. */
export async function observedNat(host: Host, tenant: string): Promise<NatState | undefined> {
  const [ip, ip6] = await Promise.all((['ip', 'ip6'] as const).map(async (family) => parseTable(family, await host.router(tenant, 'nft', '-j', 'list', 'table', family, 'netctl'))));
  return ip && ip6 && { ip, ip6 };
}

/** The tenants that have a router. */
export async function routersOf(host: Host): Promise<string[]> {
  const names = (await host.ok('ip', 'netns')).split('\n').map((line) => line.split(' ')[0] ?? '');
  return names.filter((name) => name.startsWith('netctl-')).map((name) => name.slice('netctl-'.length)).sort();
}

async function list<T>(host: Host, tenant: string, program: 'ip' | 'bridge', ...args: string[]): Promise<T[]> {
  return JSON.parse((await host.router(tenant, program, '-j', ...args)) || '[]') as T[];
}
