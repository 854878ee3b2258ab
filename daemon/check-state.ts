import { decodeStored } from '../src/model/stored.js';
import { keys } from '../src/model/keys.js';
import type { Allocation, Owner } from '../src/model/allocation.js';
import type { IpAddress } from '../src/model/address.js';
import { messageOf } from '../src/model/errors.js';
import type { Entry } from './store/port.js';

/** What a state holds, by kind, and where it contradicts itself. */
export interface StateCheck {
  readonly counts: Readonly<Record<string, number>>;
  /** One sentence each. */
  readonly contradictions: readonly string[];
}

/** How a person calls the kinds. */
const words: Readonly<Record<string, string>> = {
  tenants: 'tenants',
  networks: 'networks',
  services: 'services',
  endpoints: 'endpoints',
  allocations: 'addresses',
  bindings: 'bindings',
  uplinks: 'uplinks',
  pools: 'pools',
  unnamed: 'networks without a name',
  leftovers: 'Docker networks to remove',
  vnis: 'packet tags',
  hosts: 'hosts',
  presences: 'hosts that are there',
  containers: 'containers of hosts',
};

/** Compares all entries with each other: what one says of another must be what that says itself. */
export function checkEntries(entries: readonly Entry[]): StateCheck {
  const check = new Check(entries);
  return { counts: check.counts(), contradictions: check.contradictions };
}

type Tables = ReturnType<typeof decodeAll>;

/** All entries of each kind, by their keys; what cannot be decoded, or says that it belongs elsewhere, is told as a contradiction. */
function decodeAll(entries: readonly Entry[], contradictions: string[]) {
  function decode<T>(prefix: string, decodeValue: (value: unknown) => T, keyOf: (value: T) => string): Map<string, T> {
    const found = new Map<string, T>();
    for (const { key, value } of entries.filter((entry) => entry.key.startsWith(prefix))) {
      try {
        const decoded = decodeValue(value);
        if (keyOf(decoded) === key) found.set(key, decoded);
        else contradictions.push(`the entry "${key}" holds what belongs under "${keyOf(decoded)}"`);
      } catch (error) {
        contradictions.push(`the entry "${key}" is not understood: ${messageOf(error).replace(/\s+/g, ' ')}`);
      }
    }
    return found;
  }
  return {
    tenants: decode(keys.tenants, decodeStored.tenant, ({ name }) => keys.tenant(name)),
    networks: decode(keys.networks, decodeStored.network, ({ tenant, name }) => keys.network(tenant, name)),
    services: decode(keys.services, decodeStored.service, ({ tenant, name }) => keys.service(tenant, name)),
    endpoints: decode(keys.endpoints, decodeStored.endpoint, ({ id }) => keys.endpoint(id)),
    allocations: decode(keys.allocations, decodeStored.allocation, ({ tenant, network, address }) => keys.allocation(tenant, network, address)),
    bindings: decode(keys.bindings, decodeStored.binding, ({ host, dockerNetworkId }) => keys.binding(host, dockerNetworkId)),
    uplinks: decode(keys.uplinks, decodeStored.uplink, ({ host, tenant }) => keys.uplink(host, tenant)),
    pools: decode(keys.pools, decodeStored.pool, ({ host, id }) => keys.pool(host, id)),
    hosts: decode(keys.hosts, decodeStored.host, ({ name }) => keys.host(name)),
    presences: decode(keys.presences, decodeStored.presence, ({ host }) => keys.presence(host)),
    containers: decode(keys.containers, decodeStored.hostContainer, ({ host, container }) => keys.container(host, container.id)),
    leftovers: decode(keys.leftovers, decodeStored.leftover, ({ host, dockerNetworkId }) => keys.leftover(host, dockerNetworkId)),
    unnamed: decode(keys.unnamed, decodeStored.unnamedNetwork, ({ host, dockerNetworkId }) => keys.unnamedNetwork(host, dockerNetworkId)),
  };
}

class Check {
  readonly contradictions: string[] = [];
  private readonly tables: Tables;
  private readonly vnis: readonly Entry[];

  constructor(entries: readonly Entry[]) {
    this.tables = decodeAll(entries, this.contradictions);
    this.vnis = entries.filter(({ key }) => key.startsWith(keys.vnis));
    this.unknownKeys(entries);
    for (const network of this.tables.networks.values()) this.mustExist(this.tables.tenants.has(keys.tenant(network.tenant)), `network ${network.tenant}:${network.name}`, `tenant ${network.tenant}`);
    for (const { tenant, dockerNetworkId } of this.tables.unnamed.values()) this.mustExist(this.tables.tenants.has(keys.tenant(tenant)), `Docker network ${dockerNetworkId.slice(0, 12)}`, `tenant ${tenant}`);
    for (const { name, tenant, network, addresses } of this.tables.services.values()) this.holder(`service ${tenant}:${name}`, tenant, network, addresses, { kind: 'service', name });
    for (const { id, tenant, network, addresses } of this.tables.endpoints.values()) this.holder(`endpoint ${id.slice(0, 12)}`, tenant, network, addresses, { kind: 'endpoint', id });
    for (const allocation of this.tables.allocations.values()) this.allocation(allocation);
    for (const { dockerNetworkId, tenant, network } of this.tables.bindings.values()) this.mustExist(this.tables.networks.has(keys.network(tenant, network)), `the Docker network ${dockerNetworkId.slice(0, 12)}`, `network ${tenant}:${network}`);
    // A host that is away could not give its uplink back yet.
    for (const { tenant } of [...this.tables.uplinks.values()].filter(({ host }) => !this.isAway(host))) this.mustExist(this.tables.tenants.has(keys.tenant(tenant)), 'an uplink', `tenant ${tenant}`);
    this.packetTags();
  }

  counts(): Record<string, number> {
    const sizes = Object.entries(this.tables).map(([kind, table]) => [words[kind] ?? kind, table.size] as const);
    return { ...Object.fromEntries(sizes), [words['vnis'] ?? '']: this.vnis.length };
  }

  private isAway(host: string): boolean {
    return this.tables.hosts.has(keys.host(host)) && !this.tables.presences.has(keys.presence(host));
  }

  private unknownKeys(entries: readonly Entry[]): void {
    const known = Object.keys(words).map((kind) => `${kind}/`);
    for (const { key } of entries) if (!known.some((prefix) => key.startsWith(prefix))) this.contradictions.push(`the entry "${key}" is of no kind that is known`);
  }

  private mustExist(exists: boolean, who: string, what: string): void {
    if (!exists) this.contradictions.push(`${who} is of ${what}, which is not there`);
  }

  /** Whoever has addresses must be known of each as its owner. */
  private holder(who: string, tenant: string, network: string, addresses: readonly IpAddress[], owner: Owner): void {
    const known = this.tables.networks.get(keys.network(tenant, network));
    this.mustExist(known !== undefined, who, `network ${tenant}:${network}`);
    if (known?.addressesBy === 'docker' && owner.kind === 'endpoint') return;
    for (const address of addresses) {
      const held = this.tables.allocations.get(keys.allocation(tenant, network, address));
      if (!held) this.contradictions.push(`${who} has the address ${address.toString()}, which is not held for it`);
      else if (!sameOwner(held.owner, owner)) this.contradictions.push(`${who} has the address ${address.toString()}, which is held by ${ownerWords(held.owner)}`);
    }
  }

  private allocation({ tenant, network, address, owner }: Allocation): void {
    const what = `the address ${address.toString()} of network ${tenant}:${network}`;
    if (!this.tables.networks.has(keys.network(tenant, network))) this.contradictions.push(`${what} is held, and the network is not there`);
    const holder =
      owner.kind === 'service' ? this.tables.services.get(keys.service(tenant, owner.name)) : owner.kind === 'endpoint' ? this.tables.endpoints.get(keys.endpoint(owner.id)) : undefined;
    if (owner.kind !== 'service' && owner.kind !== 'endpoint') return;
    const has = holder?.tenant === tenant && holder.network === network && holder.addresses.some((candidate) => candidate.toString() === address.toString());
    if (!has) this.contradictions.push(`${what} is held by ${ownerWords(owner)}, which ${holder ? 'does not have it' : 'is not there'}`);
  }

  /** A network holds its packet tag, and each tag is held by the one network that has it. */
  private packetTags(): void {
    const holders = new Map(this.vnis.map(({ key, value }) => [key, JSON.stringify(value)]));
    for (const { tenant, name, vni } of this.tables.networks.values()) {
      const holder = holders.get(keys.vni(vni));
      if (holder !== JSON.stringify({ tenant, network: name })) this.contradictions.push(`network ${tenant}:${name} has the packet tag ${vni}, which is held by ${holder ?? 'nobody'}`);
      holders.delete(keys.vni(vni));
    }
    for (const [key, holder] of holders) this.contradictions.push(`the entry "${key}" is held by ${holder}, which does not have it`);
  }
}

function sameOwner(one: Owner, other: Owner): boolean {
  return one.kind === other.kind && ownerWords(one) === ownerWords(other);
}

function ownerWords(owner: Owner): string {
  if (owner.kind === 'service') return `service ${owner.name}`;
  if (owner.kind === 'endpoint') return `endpoint ${owner.id.slice(0, 12)}`;
  return owner.kind === 'resting' ? 'nobody' : owner.kind === 'request' ? 'a request of Docker' : owner.kind;
}
