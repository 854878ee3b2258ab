import type { AddressPort } from '../../plugin/ports.js';
import type { Family, IpAddress, Prefix } from '../../src/model/address.js';
import type { Owner } from '../../src/model/allocation.js';
import { conflict, invalid, notFound } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { subnetOf, type Network, type Subnet } from '../../src/model/network.js';
import type { Store } from '../store/port.js';
import type { Addresses } from './addresses.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { transact, type Fragment } from './transact.js';

/** Answers Docker's IPAM calls from the networks that netctl already has. */
export class PluginAddresses implements AddressPort {
  constructor(
    private readonly store: Store,
    private readonly state: State,
    private readonly addresses: Addresses,
    private readonly host: string,
  ) {}

  requestPool(request: { tenant: string; network: string; family: Family; subnet?: Prefix }): Promise<{ poolId: string; prefix: Prefix }> {
    const { tenant, network, family } = request;
    const { prefix } = this.subnet(this.state.requireNetwork(tenant, network), family);
    if (request.subnet && !request.subnet.equals(prefix)) {
      throw conflict(`network ${network} of tenant ${tenant} has the subnet ${prefix.toString()}, not ${request.subnet.toString()}`);
    }
    return Promise.resolve({ poolId: `${tenant}/${network}/v${family}`, prefix });
  }

  /** Nothing to do: the pool is the network's and goes with it. */
  releasePool(_poolId: string): Promise<void> {
    return Promise.resolve();
  }

  async requestAddress(request: { poolId: string; address?: IpAddress; purpose: 'gateway' | 'endpoint' }): Promise<{ address: IpAddress; prefixLength: number }> {
    const { network, subnet, family } = this.pool(request.poolId);
    const prefixLength = subnet.prefix.length;
    if (request.purpose === 'gateway') return { address: gatewayFor(network.value, subnet, request.address), prefixLength };
    return { address: await this.allocate(network.value, family, request.address), prefixLength };
  }

  /**
   * Releases an address that Docker asked for and gave to no endpoint. An endpoint's address is
   * released with the endpoint, and never while it is there; the gateway stays the network's.
   */
  async releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    const { tenant, name } = parsePoolId(poolId);
    await transact(this.store, () => {
      const held = this.state.allocationOf(tenant, name, address)?.value;
      return held?.owner.kind === 'request' ? this.addresses.release(tenant, name, address) : undefined;
    });
  }

  private async allocate(network: Network, family: Family, wanted: IpAddress | undefined): Promise<IpAddress> {
    let address = wanted;
    await transact(this.store, () => {
      const stored = this.state.requireNetwork(network.tenant, network.name);
      if (stored.value.deleting) throw conflict(`network ${network.name} is just being deleted`);
      const owner = { kind: 'request', host: this.host } as const;
      if (wanted) return this.planClaim(stored, wanted, owner);
      const allocated = this.addresses.allocate(stored, family, owner);
      address = allocated.address;
      return allocated.fragment;
    });
    if (!address) throw new Error('an allocation was committed without an address');
    return address;
  }

  /** Docker may ask twice; what it asked for and gave to no endpoint yet it may have again. */
  private planClaim(network: Stored<Network>, wanted: IpAddress, owner: Owner & { kind: 'request' }): Fragment {
    const held = this.state.allocationOf(network.value.tenant, network.value.name, wanted);
    const mine = held?.value.owner.kind === 'request' && held.value.owner.host === owner.host;
    return mine ? this.addresses.pass(held, owner) : this.addresses.claim(network, wanted, owner);
  }

  private pool(poolId: string): { network: Stored<Network>; subnet: Subnet; family: Family } {
    const { tenant, name, family } = parsePoolId(poolId);
    const network = this.state.networks.get(keys.network(tenant, name));
    if (!network) throw notFound(`address pool ${poolId} belongs to no network of netctl`);
    return { network, subnet: this.subnet(network, family), family };
  }

  private subnet(network: Stored<Network>, family: Family): Subnet {
    const subnet = subnetOf(network.value, family);
    if (!subnet) throw notFound(`network ${network.value.name} of tenant ${network.value.tenant} has no IPv${family} subnet`);
    return subnet;
  }
}

function parsePoolId(poolId: string): { tenant: string; name: string; family: Family } {
  const match = /^([^/]+)\/([^/]+)\/v([46])$/.exec(poolId);
  if (!match?.[1] || !match[2]) throw invalid(`"${poolId}" is not an address pool of netctl`);
  return { tenant: match[1], name: match[2], family: match[3] === '4' ? 4 : 6 };
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
