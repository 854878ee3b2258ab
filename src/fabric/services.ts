import { exchanged } from '../lists/places.js';
import { bitsOf, Prefix, type IpAddress } from '../model/address.js';
import { diffFabric } from './diff.js';
import { fabricState } from './keys.js';
import { bridgeMac, bridgeName } from './names.js';
import type { AddressState, FabricInput, FabricNetwork, FabricState, FabricStep, NeighbourState, RouteState } from './state.js';

/** What a router holds for service IPs depends on these, and on whether there are other hosts. */
type Surroundings = Pick<FabricInput, 'networks' | 'overlay'>;

/** What the router must hold for its service IPs, whatever else there is. */
export function planServices({ networks, overlay, serviceAddresses }: Surroundings & Pick<FabricInput, 'serviceAddresses'>): FabricState {
  const services = serviceAddresses.toSorted((a, b) => a.compare(b)).map((address) => ({ address, segment: segmentOf(address, networks) }));
  return fabricState({
    addresses: services.flatMap(({ address, segment }) => (segment && address.family === 6 ? [serviceAddress(address, segment)] : [])),
    routes: services.flatMap(({ address, segment }) => (segment && address.family === 6 ? [] : [serviceRoute(address)])),
    neighbours: services.flatMap(({ address, segment }) => (segment && address.family === 4 && overlay ? [serviceNeighbour(address, segment)] : [])),
  });
}

/**
 * What a router holds for its service IPs, and how it changes with single ones, as there may be thousands of them: it comes to the same as
 * {@link planServices} with all. In other surroundings everything is planned anew.
 */
export class StandingServices {
  private addresses: readonly IpAddress[] = [];
  private readonly surroundings: string;
  private readonly items = { addresses: new Map<string, AddressState>(), routes: new Map<string, RouteState>(), neighbours: new Map<string, NeighbourState>() };
  /** Of all of them. It changes: nobody may rely on what it holds later. */
  readonly state: FabricState = { ...fabricState({}), ...this.items };

  constructor(private readonly input: Surroundings) {
    this.surroundings = textOf(input);
  }

  isFor(input: Surroundings): boolean {
    return textOf(input) === this.surroundings;
  }

  /**
   * Brings it to these service IPs. An address may go from a service to an endpoint, or the other way.
   * @param others the steps that all else needs
   * @returns these among those that lead from what it was to what it is.
   */
  change(serviceAddresses: readonly IpAddress[], others: readonly FabricStep[] = []): FabricStep[] {
    const { gone, come } = exchanged(this.addresses, serviceAddresses);
    const [before, after] = [gone, come].map((addresses) => planServices({ ...this.input, serviceAddresses: addresses })) as [FabricState, FabricState];
    exchange(this.items.addresses, before.addresses, after.addresses);
    exchange(this.items.routes, before.routes, after.routes);
    exchange(this.items.neighbours, before.neighbours, after.neighbours);
    this.addresses = serviceAddresses;
    const steps = diffFabric(after, before);
    const isDeletion = ({ action }: FabricStep): boolean => action.startsWith('delete');
    return [...steps.filter(isDeletion), ...others, ...steps.filter((step) => !isDeletion(step))];
  }
}

function exchange<T>(held: Map<string, T>, out: ReadonlyMap<string, T>, into: ReadonlyMap<string, T>): void {
  for (const key of out.keys()) held.delete(key);
  for (const [key, item] of into) held.set(key, item);
}

function textOf({ networks, overlay }: Surroundings): string {
  const segments = networks.map(({ vni, subnets }) => [vni, ...subnets.flatMap(({ prefix, gateway }) => [prefix.toString(), gateway?.toString()])]);
  return JSON.stringify([overlay !== undefined, ...segments]);
}

function segmentOf(address: IpAddress, networks: readonly FabricNetwork[]): FabricNetwork | undefined {
  return networks.find(({ subnets }) => subnets.some(({ prefix }) => prefix.contains(address)));
}

/**
 * A local route on loopback: the router takes packets to the address, and answers ARP for it on every
 * bridge (arp_ignore is 0), without the address being on a link.
 */
function serviceRoute(address: IpAddress): RouteState {
  return { kind: 'service', prefix: Prefix.of(address, bitsOf(address.family)), link: 'lo' };
}

/** Neighbour solicitations are answered only for addresses of the link they arrive on (Linux 6.18, `ndisc_recv_ns`), so that an IPv6 service IP is one of its segment's bridge. */
function serviceAddress(address: IpAddress, { vni }: FabricNetwork): AddressState {
  return { link: bridgeName(vni), address, length: bitsOf(address.family) };
}

/**
 * An IPv4 service IP is on no link, so that the bridge does not know it for its own and would send a client's question for it to the
 * other hosts, whose routers would all answer (seen on Linux 6.18). With a neighbour entry it stays here; packets
 * never come by it, the local route takes them. An IPv6 one is the bridge's own address.
 */
function serviceNeighbour(address: IpAddress, { vni }: FabricNetwork): NeighbourState {
  return { link: bridgeName(vni), address, mac: bridgeMac(vni) };
}
