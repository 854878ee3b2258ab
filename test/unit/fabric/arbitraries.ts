import fc from 'fast-check';
import type t from 'tap';
import type { FabricEndpoint, FabricInput, FabricLink, FabricNetwork, FabricOverlay, FabricRemote, FabricState, FabricStep, PortLink, VxlanLink } from '../../../src/fabric/state.js';
import { defaultUplinkRanges, uplinkLink } from '../../../src/fabric/uplink.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';

// Small ranges, so that two inputs have much in common and differ in every way.

/** One assertion of a test: the property holds; if not, its report is the counterexample. */
export function holds<T>(test: Pick<typeof t, 'doesNotThrow'>, property: fc.IProperty<T>, numRuns = 100): void {
  test.doesNotThrow(() => {
    fc.assert(property, { numRuns });
  });
}

export function endpointId(number: number): string {
  return number.toString(16).padStart(12, '0').padEnd(64, 'e');
}

const vni = fc.integer({ min: 1, max: 4 });

function network(number: number): fc.Arbitrary<FabricNetwork> {
  const ipv4 = fc.record({ length: fc.constantFrom(16, 24), gateway: fc.option(fc.integer({ min: 250, max: 252 })) }).map(({ length, gateway }) => ({
    prefix: Prefix.parse(`10.${number}.0.0/${length}`),
    ...(gateway === null ? {} : { gateway: IpAddress.parse(`10.${number}.0.${gateway}`) }),
  }));
  const ipv6 = fc.boolean().map((gateway) => ({
    prefix: Prefix.parse(`fd00:${number}::/64`),
    ...(gateway ? { gateway: IpAddress.parse(`fd00:${number}::ff`) } : {}),
  }));
  const subnets = fc.oneof(ipv4.map((v4) => [v4]), ipv6.map((v6) => [v6]), fc.tuple(ipv4, ipv6));
  return fc.tuple(subnets, fc.boolean(), fc.boolean()).map(([list, encrypted, netfilter]) => ({ vni: number, subnets: list, ...(encrypted ? { encrypted: true as const } : {}), ...(netfilter ? { netfilter: true as const } : {}) }));
}

function endpoint(number: number): fc.Arbitrary<FabricEndpoint> {
  return fc.record({ vni, host: fc.integer({ min: 2, max: 4 }), ipv6: fc.boolean() }).map(({ vni, host, ipv6 }) => {
    const address = IpAddress.parse(`10.${vni}.0.${host * 10 + number}`);
    const addresses = ipv6 ? [address, IpAddress.parse(`fd00:${vni}::${host}${number}`)] : [address];
    return { id: endpointId(number), vni, addresses, mac: Mac.fromIp(IpAddress.parse(`10.0.0.${host}`)) };
  });
}

function remote(number: number): fc.Arbitrary<FabricRemote> {
  const underlay = fc.tuple(fc.constantFrom('192.0.2.', 'fd99::'), fc.integer({ min: 2, max: 4 })).map(([prefix, host]) => IpAddress.parse(`${prefix}${host}`));
  return fc.record({ vni, underlay, ipv6: fc.boolean() }).map(({ vni, underlay, ipv6 }) => {
    const address = IpAddress.parse(`10.${vni}.0.${100 + number}`);
    const addresses = ipv6 ? [address, IpAddress.parse(`fd00:${vni}::${100 + number}`)] : [address];
    return { vni, addresses, mac: Mac.fromIp(IpAddress.parse(`10.0.1.${number}`)), underlay };
  });
}

const overlay: fc.Arbitrary<FabricOverlay> = fc.record({
  local: fc.constantFrom('192.0.2.1', '192.0.2.9').map((text) => IpAddress.parse(text)),
  port: fc.constantFrom(4789, 4790),
  mtu: fc.constantFrom(1450, 8950),
  encrypted: fc.option(fc.constant({ local: IpAddress.parse('::'), port: 4799, mtu: 1370 }), { nil: undefined }),
  remotes: fc.uniqueArray(fc.integer({ min: 1, max: 5 })).chain((numbers) => fc.tuple(...numbers.map(remote))),
}).map(({ encrypted, ...rest }) => ({ ...rest, ...(encrypted ? { encrypted } : {}) }));

export const fabricInput: fc.Arbitrary<FabricInput> = fc.record({
  networks: fc.uniqueArray(vni).chain((numbers) => fc.tuple(...numbers.map(network))),
  endpoints: fc.uniqueArray(fc.integer({ min: 1, max: 5 })).chain((numbers) => fc.tuple(...numbers.map(endpoint))),
  uplink: fc.option(fc.integer({ min: 0, max: 1 }).map((index) => uplinkLink({ host: 'h1', tenant: 'blue', index }, defaultUplinkRanges)), { nil: undefined }),
  overlay: fc.option(overlay, { nil: undefined }),
  serviceAddresses: fc.uniqueArray(fc.constantFrom('10.1.0.9', '10.2.0.9', '172.16.0.1', 'fd00:1::9')).map((texts) => texts.map((text) => IpAddress.parse(text))),
}).map(({ uplink, overlay, ...rest }) => ({ ...rest, ...(uplink ? { uplink } : {}), ...(overlay ? { overlay } : {}) }));

/** Each item of the state disturbed, or not: by what people and crashes do to a router behind the daemon's back. */
export function disturbances(state: FabricState): fc.Arbitrary<FabricStep[]> {
  const steps: FabricStep[] = [
    ...[...state.routes.values()].map((route): FabricStep => ({ action: 'deleteRoute', route })),
    ...[...state.addresses.values()].map((address): FabricStep => ({ action: 'deleteAddress', address })),
    ...[...state.links.values()].flatMap(linkDisturbances),
    // Last, because a changed bridge has lost its neighbours.
    ...[...state.neighbours.values()].map((neighbour): FabricStep => ({ action: 'setNeighbour', neighbour })),
    ...[...state.neighbours.values()].map((neighbour): FabricStep => ({ action: 'deleteNeighbour', neighbour })),
    ...[...state.neighbours.values()].map((neighbour): FabricStep => ({ action: 'setNeighbour', neighbour: { ...neighbour, mac: Mac.parse('02:02:ff:ff:ff:ff') } })),
    ...[...state.fdb.values()].map((entry): FabricStep => ({ action: 'deleteFdb', entry })),
    ...[...state.fdb.values()].map((entry): FabricStep => ({ action: 'setFdb', entry: { ...entry, destination: IpAddress.parse('192.0.2.77') } })),
    ...[...state.links.values()].toSorted((a, b) => Number(a.kind === 'bridge') - Number(b.kind === 'bridge')).map(({ name }): FabricStep => ({ action: 'deleteLink', name })),
  ];
  return fc.subarray(steps);
}

function linkDisturbances(link: FabricLink): FabricStep[] {
  if (link.kind === 'uplink') return [{ action: 'setUplink', link: { ...link, up: false } }];
  const resized: FabricStep = { action: 'setMtu', name: link.name, mtu: 1300 };
  if (link.kind === 'bridge') return [{ action: 'setBridge', link: { ...link, mac: Mac.parse('02:01:ff:ff:ff:ff') } }, { action: 'setBridge', link: { ...link, up: false } }, { action: 'setNetfilter', name: link.name, netfilter: !link.netfilter }, resized];
  if (link.kind === 'vxlan') return [{ action: 'setVxlan', link: { ...link, suppressing: false } }, { action: 'setVxlan', link: { ...link, up: false } }, { action: 'setVxlan', link: { ...detached(link), suppressing: false } }, resized];
  return [{ action: 'setPort', link: { ...link, hairpin: false } }, { action: 'setPort', link: { ...link, up: false } }, { action: 'setPort', link: { ...detached(link), hairpin: false } }, resized];
}

function detached<T extends PortLink | VxlanLink>({ bridge: _, ...link }: T): Omit<T, 'bridge'> {
  return link;
}

/** The state as plain data in a fixed order, without what cannot be read back. */
export function comparable(state: FabricState): unknown {
  const sorted = (items: ReadonlyMap<string, object>): unknown[] => [...items].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, { ...item, peer: null }]);
  const plain = { links: sorted(state.links), addresses: sorted(state.addresses), routes: sorted(state.routes), neighbours: sorted(state.neighbours), fdb: sorted(state.fdb) };
  return JSON.parse(JSON.stringify(plain));
}
