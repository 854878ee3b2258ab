import type { Family, IpAddress } from '../../src/model/address.js';
import { conflict } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { checkName } from '../../src/model/names.js';
import { subnetOf, type Network } from '../../src/model/network.js';
import type { ServiceChange, ServiceRequest } from '../../src/model/request.js';
import type { Service } from '../../src/model/service.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Store } from '../store/port.js';
import type { Addresses } from './addresses.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { combine, transact, when, write, type Fragment } from './transact.js';

/** Creates, updates and deletes services. */
export class Services {
  constructor(
    private readonly store: Store,
    private readonly state: State,
    private readonly addresses: Addresses,
  ) {}

  /** Creating again replaces what can change, see {@link update}; containers that are drained stay so. */
  async create(request: ServiceRequest): Promise<{ created: boolean; service: Service }> {
    checkName('service', request.name);
    const { tenant, name } = request;
    let created = false;
    await transact(this.store, (conflicts) => {
      const network = this.state.requireNetwork(tenant, request.network);
      const existing = this.state.services.get(keys.service(tenant, name));
      created = existing === undefined;
      return existing ? this.planUpdate(existing, request, conflicts) : this.planCreate(network, request, conflicts);
    });
    return { created, service: this.state.requireService(tenant, name).value };
  }

  /**
   * Network and service IPs cannot change. A service that has an address of one family only, as services
   * had once, gets one of the other, too, if its network has both.
   * @throws NetctlError `not-found` if there is no such service.
   */
  async update(change: ServiceChange): Promise<Service> {
    const { tenant, name } = change;
    await transact(this.store, (conflicts) => this.planUpdate(this.state.requireService(tenant, name), change, conflicts));
    return this.state.requireService(tenant, name).value;
  }

  /**
   * Takes a container out of the service, or back into it, whatever becomes of the container meanwhile.
   * @returns whether it was otherwise before.
   */
  async setDrained(tenant: string, name: string, containerId: string, drained: boolean): Promise<boolean> {
    return transact(this.store, () => {
      const existing = this.state.requireService(tenant, name);
      const { value: service } = existing;
      if (service.drained.includes(containerId) === drained) return undefined;
      const others = service.drained.filter((id) => id !== containerId);
      return this.planWrite(existing, { ...service, drained: drained ? [...others, containerId] : others });
    });
  }

  async delete(tenant: string, name: string): Promise<void> {
    this.state.requireService(tenant, name);
    await transact(this.store, () => {
      const existing = this.state.services.get(keys.service(tenant, name));
      if (!existing) return undefined;
      const { key, revision } = { key: keys.service(tenant, name), revision: existing.revision };
      const released = existing.value.addresses.map((address) => this.addresses.release(tenant, existing.value.network, address));
      return combine(when({ key, is: 'at', revision }), write({ key, delete: true }), ...released);
    });
  }

  private planCreate(network: Stored<Network>, request: ServiceRequest, conflicts: number): Fragment {
    const { ips, ...rest } = request;
    const { addresses, fragment } = this.holdMissing(network, { name: request.name, asked: ips, held: [] }, conflicts);
    const service: Service = { ...rest, drained: [], requestedIps: ips, addresses };
    const key = keys.service(request.tenant, request.name);
    return combine(when({ key, is: 'absent' }), fragment, write({ key, put: encodeStored(service) }));
  }

  private planUpdate(existing: Stored<Service>, change: ServiceChange, conflicts: number): Fragment | undefined {
    const { value: service } = existing;
    const { selectors = service.selectors, ports = service.ports, algorithm = service.algorithm, weights = service.weights, prefer = service.prefer, ips = [] } = change;
    refuseFixedChanges(service, change);
    const network = this.state.requireNetwork(service.tenant, service.network);
    const { addresses, fragment } = this.holdMissing(network, { name: service.name, asked: ips, held: service.addresses }, conflicts);
    const asked = ips.filter((ip) => addresses.includes(ip));
    const updated: Service = {
      ...service,
      ...{ selectors, ports, algorithm, weights, prefer },
      requestedIps: inOrder([...service.requestedIps, ...asked]),
      addresses: inOrder([...service.addresses, ...addresses]),
    };
    if (JSON.stringify(updated) === JSON.stringify(service)) return undefined;
    return combine(fragment, this.planWrite(existing, updated));
  }

  private planWrite({ revision }: Stored<Service>, updated: Service): Fragment {
    const key = keys.service(updated.tenant, updated.name);
    return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored(updated) }));
  }

  /** An address of each family that the network has and that is not held yet: the one asked for, or any. */
  private holdMissing(network: Stored<Network>, { name, asked, held }: Wanted, conflicts: number): { addresses: IpAddress[]; fragment: Fragment } {
    const owner = { kind: 'service', name } as const;
    const taken = ([4, 6] as const).flatMap((family) => {
      if (held.some((address) => address.family === family)) return [];
      const ip = asked.find((candidate) => candidate.family === family);
      if (ip) return [{ address: ip, fragment: this.addresses.claim(network, ip, owner) }];
      return subnetOf(network.value, family) ? [this.addresses.allocate(network, family, owner, conflicts)] : [];
    });
    if (taken.length > 0) refuseUnusable(network.value);
    return { addresses: taken.map(({ address }) => address), fragment: combine(...taken.map(({ fragment }) => fragment)) };
  }
}

/** The addresses that a service asked for, and those that it has. */
interface Wanted {
  readonly name: string;
  readonly asked: readonly IpAddress[];
  readonly held: readonly IpAddress[];
}

/** IPv4 before IPv6. */
function inOrder(addresses: readonly IpAddress[]): IpAddress[] {
  return addresses.toSorted((a, b) => a.compare(b));
}

function refuseUnusable({ name, deleting, addressesBy }: Network): void {
  if (deleting) throw conflict(`network ${name} is just being deleted`);
  if (addressesBy === 'docker') {
    throw conflict(
      `network ${name} has no address for a service: Docker gives its addresses to containers; create the service on another network of the tenant, its providers may stay on this one`,
    );
  }
}

function refuseFixedChanges(service: Service, change: ServiceChange): void {
  if (change.network !== undefined && service.network !== change.network) {
    throw conflict(
      `service ${service.name} has its address from network ${service.network}: the network of a service cannot change; delete the service and create it on ${change.network}`,
    );
  }
  const other = change.ips?.find((ip) => heldOf(service, ip.family)?.equals(ip) === false);
  if (other) {
    throw conflict(
      `service ${service.name} has the address ${service.addresses.join(', ')}: the address of a service cannot change; delete the service and create it with ${other.toString()}`,
    );
  }
}

function heldOf({ addresses }: Service, family: Family): IpAddress | undefined {
  return addresses.find((address) => address.family === family);
}
