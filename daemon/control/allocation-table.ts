import { AddressPool } from '../../src/ipam/pool.js';
import type { Family, IpAddress } from '../../src/model/address.js';
import type { Allocation } from '../../src/model/allocation.js';
import { keys } from '../../src/model/keys.js';
import { subnetOf, type Network } from '../../src/model/network.js';
import { decodeStored } from '../../src/model/stored.js';
import type { Change } from '../store/port.js';
import type { Stored } from './table.js';

interface NetworkAllocations {
  readonly byKey: Map<string, Stored<Allocation>>;
  /** Made when first asked for, and kept in step from then on. */
  readonly pools: Map<Family, AddressPool>;
}

/** The store's allocations, by network, with the pools that choose the next address. */
export class AllocationTable {
  private readonly networks = new Map<string, NetworkAllocations>();
  private readonly networkOf = new Map<string, string>();

  apply(change: Change): void {
    const network = this.networkOf.get(change.key);
    const before = network === undefined ? undefined : this.networks.get(network)?.byKey.get(change.key);
    if (before) this.drop(change.key, before.value);
    if ('put' in change) this.add({ value: decodeStored.allocation(change.put.value), revision: change.put.revision }, change.key);
  }

  get(key: string): Stored<Allocation> | undefined {
    const network = this.networkOf.get(key);
    return network === undefined ? undefined : this.networks.get(network)?.byKey.get(key);
  }

  of(tenant: string, network: string): Allocation[] {
    return [...(this.networks.get(keys.network(tenant, network))?.byKey.values() ?? [])].map((stored) => stored.value);
  }

  values(): Stored<Allocation>[] {
    return [...this.networks.values()].flatMap(({ byKey }) => [...byKey.values()]);
  }

  /** The addresses of the network in one family; undefined if it has no subnet of it. */
  pool(network: Network, family: Family): AddressPool | undefined {
    const subnet = subnetOf(network, family);
    if (!subnet) return undefined;
    const known = this.networks.get(keys.network(network.tenant, network.name));
    const existing = known?.pools.get(family);
    if (existing) return existing;
    const allocations = this.of(network.tenant, network.name).filter(({ address }) => address.family === family);
    const pool = AddressPool.of(subnet, allocations);
    known?.pools.set(family, pool);
    return pool;
  }

  clear(): void {
    this.networks.clear();
    this.networkOf.clear();
  }

  private add(stored: Stored<Allocation>, key: string): void {
    const { tenant, network, address, owner, since } = stored.value;
    const networkKey = keys.network(tenant, network);
    const known = this.networks.get(networkKey) ?? { byKey: new Map<string, Stored<Allocation>>(), pools: new Map<Family, AddressPool>() };
    this.networks.set(networkKey, known);
    this.networkOf.set(key, networkKey);
    known.byKey.set(key, stored);
    known.pools.get(address.family)?.hold(address, owner, since);
  }

  private drop(key: string, { tenant, network, address }: { tenant: string; network: string; address: IpAddress }): void {
    const networkKey = keys.network(tenant, network);
    const known = this.networks.get(networkKey);
    this.networkOf.delete(key);
    known?.byKey.delete(key);
    known?.pools.get(address.family)?.free(address);
    if (known?.byKey.size === 0) this.networks.delete(networkKey);
  }
}
