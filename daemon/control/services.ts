import type { IpAddress } from '../../src/model/address.js';
import { conflict } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { checkName } from '../../src/model/names.js';
import type { Network } from '../../src/model/network.js';
import type { ServiceRequest } from '../../src/model/request.js';
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

  /** Creating again changes selectors and ports in place; network and service IP cannot change. */
  async create(request: ServiceRequest): Promise<{ created: boolean; service: Service }> {
    checkName('service', request.name);
    const { tenant, name } = request;
    let created = false;
    await transact(this.store, () => {
      const network = this.state.requireNetwork(tenant, request.network);
      if (network.value.deleting) throw conflict(`network ${request.network} is just being deleted`);
      const existing = this.state.services.get(keys.service(tenant, name));
      created = existing === undefined;
      return existing ? this.planUpdate(existing, request) : this.planCreate(network, request);
    });
    return { created, service: this.state.requireService(tenant, name).value };
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

  private planCreate(network: Stored<Network>, request: ServiceRequest): Fragment {
    const { tenant, name, selectors, ports, algorithm, weights, ips } = request;
    const { address, fragment } = this.holdAddress(network, request);
    const service: Service = { tenant, name, network: request.network, selectors, ports, algorithm, weights, drained: [], requestedIps: ips, addresses: [address] };
    const key = keys.service(tenant, name);
    return combine(when({ key, is: 'absent' }), fragment, write({ key, put: encodeStored(service) }));
  }

  private holdAddress(network: Stored<Network>, request: ServiceRequest): { address: IpAddress; fragment: Fragment } {
    const owner = { kind: 'service', name: request.name } as const;
    const [ip] = request.ips;
    if (ip) return { address: ip, fragment: this.addresses.claim(network, ip, owner) };
    return this.addresses.allocate(network, network.value.ipv4 ? 4 : 6, owner);
  }

  private planUpdate(existing: Stored<Service>, request: ServiceRequest): Fragment | undefined {
    const { value: service, revision } = existing;
    refuseFixedChanges(service, request);
    const updated: Service = { ...service, selectors: request.selectors, ports: request.ports, algorithm: request.algorithm, weights: request.weights };
    if (JSON.stringify(updated) === JSON.stringify(service)) return undefined;
    const key = keys.service(service.tenant, service.name);
    return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored(updated) }));
  }
}

function refuseFixedChanges(service: Service, request: ServiceRequest): void {
  if (service.network !== request.network) {
    throw conflict(
      `service ${service.name} has its address from network ${service.network}: the network of a service cannot change; delete the service and create it on ${request.network}`,
    );
  }
  const other = request.ips.find((ip) => !service.addresses.some((address) => ip.equals(address)));
  if (other) {
    throw conflict(
      `service ${service.name} has the address ${service.addresses.join(', ')}: the address of a service cannot change; delete the service and create it with ${other.toString()}`,
    );
  }
}
