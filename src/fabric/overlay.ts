import { fabricState } from './keys.js';
import { bridgeName, vxlanName } from './names.js';
import type { FabricInput, FabricNetwork, FabricOverlay, FabricRemote, FabricState, FabricWay, FdbState, NeighbourState, VxlanLink } from './state.js';

/**
 * What the segments of a router need to go on at other hosts. An endpoint that is here is not also elsewhere, whatever
 * is said of it; and a host whose underlay has other addresses than ours cannot be reached.
 */
export function overlayState(overlay: FabricOverlay, { networks, endpoints }: Pick<FabricInput, 'networks' | 'endpoints'>): FabricState {
  const ways = new Map(networks.flatMap((network) => withWay(network, overlay)));
  const here = new Set(endpoints.map(endpointKey));
  const remotes = overlay.remotes
    .filter((remote) => isElsewhere(remote, ways.get(remote.vni)) && !here.has(endpointKey(remote)))
    .toSorted(inOrder);
  return fabricState({
    links: [...ways].map(([vni, way]) => vxlanOf(vni, way)),
    neighbours: remotes.flatMap(neighboursOf),
    fdb: [...floodEntries(remotes), ...remotes.map(unicastEntry)],
  });
}

/** How the network goes on at other hosts; undefined: it ends at this one. What is to be encrypted never takes the other way. */
export function wayOf({ encrypted }: Pick<FabricNetwork, 'encrypted'>, overlay: FabricOverlay | undefined): FabricWay | undefined {
  return encrypted ? overlay?.encrypted : overlay;
}

function withWay(network: FabricNetwork, overlay: FabricOverlay): [vni: number, way: FabricWay][] {
  const way = wayOf(network, overlay);
  return way ? [[network.vni, way]] : [];
}

function isElsewhere({ underlay }: FabricRemote, way: FabricWay | undefined): boolean {
  return way !== undefined && underlay.family === way.local.family && !underlay.equals(way.local);
}

function vxlanOf(vni: number, { local, port, mtu }: FabricWay): VxlanLink {
  return { kind: 'vxlan', name: vxlanName(vni), vni, local, port, bridge: bridgeName(vni), mtu, suppressing: true, up: true };
}

/** Permanent as those of our own endpoints. From these the bridge answers its containers, so that nobody asks over the underlay. */
function neighboursOf({ vni, addresses, mac }: FabricRemote): NeighbourState[] {
  return addresses.map((address) => ({ link: bridgeName(vni), address, mac }));
}

function unicastEntry({ vni, mac, underlay }: FabricRemote): FdbState {
  return { kind: 'unicast', link: vxlanName(vni), mac, destination: underlay, bridged: true };
}

/** A host without an endpoint on a network gets nothing of it. */
function floodEntries(remotes: readonly FabricRemote[]): FdbState[] {
  return remotes.map(({ vni, underlay }) => ({ kind: 'flood', link: vxlanName(vni), destination: underlay }));
}

function endpointKey({ vni, mac }: Pick<FabricRemote, 'vni' | 'mac'>): string {
  return `${vni} ${mac.toString()}`;
}

function inOrder(a: FabricRemote, b: FabricRemote): number {
  const [first, second] = [endpointKey(a), endpointKey(b)];
  return first === second ? a.underlay.compare(b.underlay) : first < second ? -1 : 1;
}
