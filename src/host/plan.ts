import { endAddresses } from '../fabric/uplink.js';
import { bitsOf, Prefix, type Family } from '../model/address.js';
import type { HostInput, HostUplink } from './input.js';
import { hostState } from './keys.js';
import { hostRules } from './rules.js';
import { forwarding, linkSettings } from './settings.js';
import type { ForwardAccept, HostRouteState, HostState } from './state.js';

const ipv6Loopback = Prefix.parse('::1/128');

/** What the host's own namespace must hold for these uplinks and other hosts; without any, nothing. */
export function planHost(input: HostInput): HostState {
  const uplinks = input.uplinks.toSorted((a, b) => (a.link.host.link < b.link.host.link ? -1 : 1));
  const families = new Set(uplinks.flatMap((uplink) => [...familiesOf(uplink)]));
  return hostState({
    links: uplinks.map(({ link: { host } }) => ({ name: host.link, mac: host.mac, up: true })),
    addresses: uplinks.flatMap((uplink) =>
      endAddresses(uplink.link.host, familiesOf(uplink)).map((address) => ({ link: uplink.link.host.link, address, length: bitsOf(address.family) - 1 })),
    ),
    neighbours: uplinks.flatMap((uplink) =>
      endAddresses(uplink.link.router, familiesOf(uplink)).map((address) => ({ link: uplink.link.host.link, address, mac: uplink.link.router.mac })),
    ),
    routes: uplinks.flatMap(routesOf),
    settings: [...[...families].map((family) => [forwarding[family], '1'] as const), ...uplinks.flatMap((uplink) => linkSettings(uplink.link.host.link, familiesOf(uplink)))],
    accepts: ([4, 6] as const).flatMap((family) => acceptsOf(family, families.has(family))),
    rules: uplinks.length === 0 && !input.overlay ? undefined : hostRules(uplinks, input.dockerBridges ?? [], input.overlay),
  });
}

/**
 * An uplink has addresses of the families that its tenant's networks have. So the host forwards IPv6,
 * and does no longer take router advertisements as a host does, only if a network has it.
 */
function familiesOf({ subnets }: HostUplink): ReadonlySet<Family> {
  return new Set(subnets.map(({ family }) => family));
}

function routesOf(uplink: HostUplink): HostRouteState[] {
  const { host, router } = uplink.link;
  const loopback: HostRouteState[] = familiesOf(uplink).has(6) ? [{ kind: 'loopback', prefix: ipv6Loopback, link: host.link }] : [];
  const subnets = uplink.reachable.map((prefix): HostRouteState => {
    const [source, via] = prefix.family === 4 ? [host.ipv4, router.ipv4] : [host.ipv6, router.ipv6];
    return { kind: 'subnet', prefix, link: host.link, via, source };
  });
  return [...loopback, ...subnets];
}

function acceptsOf(family: Family, present: boolean): [ForwardAccept, boolean][] {
  return [
    [`${family} in`, present],
    [`${family} out`, present],
  ];
}
