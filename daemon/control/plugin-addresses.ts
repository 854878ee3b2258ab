import type { AddressPort } from '../../plugin/ports.js';
import { dockerSubnet, usualGateway } from '../../src/ipam/docker-subnet.js';
import type { Family, IpAddress, Prefix } from '../../src/model/address.js';
import type { Owner } from '../../src/model/allocation.js';
import type { DockerPool } from '../../src/model/docker-pool.js';
import { conflict, invalid, notFound } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { subnetOf, type Network, type Subnet } from '../../src/model/network.js';
import type { Store } from '../store/port.js';
import type { Addresses } from './addresses.js';
import type { AnnouncedReleases } from './announced-releases.js';
import { parsePoolText, poolText, type DockerPools } from './docker-pools.js';
import type { Networks } from './networks.js';
import { standInLength, standInPool, StandIns } from './stand-ins.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { transact, type Fragment } from './transact.js';
import type { UnnamedNetworks } from './unnamed-networks.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly addresses: Addresses;
  readonly releases: AnnouncedReleases;
  readonly pools: DockerPools;
  readonly unnamed: UnnamedNetworks;
  readonly networks: Networks;
  readonly host: string;
  readonly now: () => number;
}

interface AddressRequest {
  readonly address?: IpAddress;
  readonly purpose: 'gateway' | 'endpoint';
}

type AddressAnswer = Promise<{ address: IpAddress; prefixLength: number }>;

/** Answers Docker's IPAM calls: from the networks that netctl has, and from pools that Docker will make networks of. */
export class PluginAddresses implements AddressPort {
  private readonly standIns: StandIns;

  constructor(private readonly parts: Parts) {
    // Begun anywhere, so that what was given before a restart is not given again soon.
    this.standIns = new StandIns(parts.now());
  }

  requestPool(request: { tenant: string; network: string; family: Family; subnet?: Prefix }): Promise<{ poolId: string; prefix: Prefix }> {
    const { tenant, network, family } = request;
    const poolId = `${tenant}/${network}/v${family}`;
    const subnet = subnetOf(this.parts.state.requireNetwork(tenant, network).value, family);
    if (!subnet && !request.subnet && family === 4) return Promise.resolve({ poolId, prefix: standInPool });
    if (!subnet) throw notFound(`network ${network} of tenant ${tenant} has no IPv${family} subnet`);
    if (request.subnet && !request.subnet.equals(subnet.prefix)) {
      throw conflict(`network ${network} of tenant ${tenant} has the subnet ${subnet.prefix.toString()}, not ${request.subnet.toString()}`);
    }
    return Promise.resolve({ poolId, prefix: subnet.prefix });
  }

  async openPool(request: { family: Family; subnet?: Prefix; range?: Prefix }): Promise<{ poolId: string; prefix: Prefix }> {
    const { id, prefix } = await this.parts.pools.open(request);
    return { poolId: poolText(id), prefix };
  }

  /**
   * The pool of a network that netctl made goes with the network. Docker releases a pool after it deleted its network: if that is still here, the
   * call that should have said so was lost, as when netctld was killed, and it goes now.
   */
  async releasePool(poolId: string): Promise<void> {
    const { pools, networks, state, host } = this.parts;
    const id = parsePoolText(poolId);
    if (id === undefined) return;
    const dockerNetworkId = state.pools.get(keys.pool(host, id))?.value.dockerNetworkId;
    if (dockerNetworkId !== undefined) await networks.deletedInDocker(dockerNetworkId);
    await pools.close(id);
  }

  async requestAddress({ poolId, ...request }: AddressRequest & { poolId: string }): AddressAnswer {
    const id = parsePoolText(poolId);
    if (id === undefined) {
      const { tenant, name, family } = parsePoolId(poolId);
      const network = this.parts.state.networks.get(keys.network(tenant, name));
      if (!network) throw notFound(`address pool ${poolId} belongs to no network of netctl`);
      return this.ofNetwork(network.value, family, request);
    }
    const pool = this.parts.pools.require(id);
    if (pool.dockerNetworkId === undefined) return ofUntaken(pool, request);
    const network = await this.parts.unnamed.named(pool.dockerNetworkId);
    return this.ofNetwork(network.value, pool.prefix.family, request);
  }

  /**
   * Releases an address that this host's Docker asked for and gave to no endpoint. An endpoint's address is
   * released with the endpoint, and never while it is there; the gateway stays the network's.
   */
  async releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    const { store, state, addresses, releases, host } = this.parts;
    const network = this.networkOf(poolId);
    if (!network) return;
    const { tenant, name } = network;
    if (releases.take(tenant, name, address)) return;
    await transact(store, () => {
      const held = state.allocationOf(tenant, name, address)?.value;
      return held?.owner.kind === 'request' && held.owner.host === host ? addresses.release(tenant, name, address) : undefined;
    });
  }

  private async ofNetwork(network: Network, family: Family, { address, purpose }: AddressRequest): AddressAnswer {
    const subnet = subnetOf(network, family);
    if (!subnet && family === 4 && !address) return { address: this.standIns.take(), prefixLength: standInLength };
    if (!subnet) throw notFound(`network ${network.name} of tenant ${network.tenant} has no IPv${family} subnet`);
    const prefixLength = subnet.prefix.length;
    if (purpose === 'gateway') return { address: gatewayFor(network, subnet, address), prefixLength };
    return { address: await this.allocate(network, family, address), prefixLength };
  }

  private async allocate(network: Network, family: Family, wanted: IpAddress | undefined): Promise<IpAddress> {
    const { store, state, addresses, host } = this.parts;
    let address = wanted;
    await transact(store, (conflicts) => {
      const stored = state.requireNetwork(network.tenant, network.name);
      if (stored.value.deleting) throw conflict(`network ${network.name} is just being deleted`);
      const owner = { kind: 'request', host } as const;
      if (wanted) return this.planClaim(stored, wanted, owner);
      const allocated = addresses.allocate(stored, family, owner, conflicts);
      address = allocated.address;
      return allocated.fragment;
    });
    if (!address) throw new Error('an allocation was committed without an address');
    return address;
  }

  /** Docker may ask twice; what it asked for and gave to no endpoint yet it may have again. */
  private planClaim(network: Stored<Network>, wanted: IpAddress, owner: Owner & { kind: 'request' }): Fragment {
    const { state, addresses } = this.parts;
    const held = state.allocationOf(network.value.tenant, network.value.name, wanted);
    const mine = held?.value.owner.kind === 'request' && held.value.owner.host === owner.host;
    return mine ? addresses.pass(held, owner) : addresses.claim(network, wanted, owner);
  }

  /** The network that has the pool, if one does. */
  private networkOf(poolId: string): { tenant: string; name: string } | undefined {
    const { state, host } = this.parts;
    const id = parsePoolText(poolId);
    if (id === undefined) return parsePoolId(poolId);
    const dockerNetworkId = state.pools.get(keys.pool(host, id))?.value.dockerNetworkId;
    const binding = dockerNetworkId === undefined ? undefined : state.bindings.get(keys.binding(host, dockerNetworkId))?.value;
    return binding && { tenant: binding.tenant, name: binding.network };
  }
}

function parsePoolId(poolId: string): { tenant: string; name: string; family: Family } {
  const match = /^([^/]+)\/([^/]+)\/v([46])$/.exec(poolId);
  if (!match?.[1] || !match[2]) throw invalid(`"${poolId}" is not an address pool of netctl`);
  return { tenant: match[1], name: match[2], family: match[3] === '4' ? 4 : 6 };
}

/**
 * Before a network has the pool Docker asks for its gateway and for what is never to be given out (`--aux-address`).
 * Nothing is held yet: CreateNetwork says both again.
 */
function ofUntaken({ prefix, range }: DockerPool, { address, purpose }: AddressRequest): { address: IpAddress; prefixLength: number } {
  if (purpose === 'gateway') {
    const gateway = address ?? usualGateway(prefix);
    dockerSubnet({ prefix, ...(range && { range }), gateway });
    return { address: gateway, prefixLength: prefix.length };
  }
  if (!address) throw conflict(`subnet ${prefix.toString()} belongs to no network yet: an address can be had when its network is made`);
  if (!prefix.contains(address)) throw invalid(`the auxiliary address ${address.toString()} is not in subnet ${prefix.toString()}`);
  return { address, prefixLength: prefix.length };
}

/**
 * Docker asks for a gateway even where the network has none, and takes no empty answer: it gets the
 * network's own address then, which is never given to anybody and which no container is told of.
 */
function gatewayFor(network: Network, subnet: Subnet, wanted: IpAddress | undefined): IpAddress {
  if (wanted && subnet.gateway && !wanted.equals(subnet.gateway)) {
    throw conflict(`network ${network.name} has the gateway ${subnet.gateway.toString()}, not ${wanted.toString()}`);
  }
  if (wanted && !subnet.gateway && !wanted.equals(subnet.prefix.first)) throw conflict(`network ${network.name} has no gateway`);
  return subnet.gateway ?? subnet.prefix.first;
}
