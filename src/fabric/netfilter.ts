import type { IpAddress } from '../model/address.js';
import { bridgeName } from './names.js';
import type { BridgeLink, FabricNetwork, FabricState, FabricStep } from './state.js';

// Bridge netfilter costs each packet of a network more than all else that a router does. A network has it for good, once it needed it
// for a service: connections outlive services, and nobody else would translate what is answered by the bridge.

/** The names of the bridges that have it. */
export function netfilterBridges({ links }: FabricState): Set<string> {
  return new Set([...links.values()].flatMap((link) => (link.kind === 'bridge' && link.netfilter ? [link.name] : [])));
}

/**
 * The networks, those with it among them that need it and those that must keep it.
 * @param had the names of bridges that have it, or had it before somebody took it from them
 * @param connected who is at the ends of open connections through services
 */
export function withLasting(networks: readonly FabricNetwork[], had: ReadonlySet<string>, connected: readonly IpAddress[] = []): FabricNetwork[] {
  const isConnected = ({ subnets }: FabricNetwork): boolean => connected.some((address) => subnets.some(({ prefix }) => prefix.contains(address)));
  return networks.map((network) => (had.has(bridgeName(network.vni)) || isConnected(network) ? { ...network, netfilter: true } : network));
}

/** What gives these bridges what they must have of it, as far as they are there. */
export function netfilterSteps(bridges: readonly Pick<BridgeLink, 'name' | 'netfilter'>[], { links }: FabricState): FabricStep[] {
  return bridges.flatMap(({ name, netfilter }): FabricStep[] => {
    const observed = links.get(name);
    return observed?.kind === 'bridge' && observed.netfilter !== netfilter ? [{ action: 'setNetfilter', name, netfilter }] : [];
  });
}

/** The state in which these bridges have it. */
export function withNetfilter(state: FabricState, names: ReadonlySet<string>): FabricState {
  const links = [...state.links].map(([name, link]) => [name, link.kind === 'bridge' && names.has(name) ? { ...link, netfilter: true } : link] as const);
  return { ...state, links: new Map(links) };
}
