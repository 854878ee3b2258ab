import type { EndpointPort, JoinAnswer, UnnamedNetworkRequest } from '../../plugin/ports.js';
import { containerLinkName, isBridgeMac } from '../../src/fabric/names.js';
import { Mac, Prefix, type IpAddress } from '../../src/model/address.js';
import type { Owner } from '../../src/model/allocation.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { conflict, invalid, notFound } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { subnetOf, type DockerBinding, type Network } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Store } from '../store/port.js';
import type { Addresses } from './addresses.js';
import type { AnnouncedReleases } from './announced-releases.js';
import type { Networks } from './networks.js';
import type { Routers } from './routers.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { combine, transact, when, write, type Fragment } from './transact.js';
import type { UnnamedNetworks } from './unnamed-networks.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly addresses: Addresses;
  readonly releases: AnnouncedReleases;
  readonly routers: Routers;
  readonly host: string;
  readonly networks: Pick<Networks, 'deletedInDocker'>;
  readonly unnamed: UnnamedNetworks;
}

const everything = Prefix.parse('::/0');

/** How the container's links are named inside it: eth0, eth1, ... */
const linkPrefix = 'eth';

/** Answers Docker's network driver calls: what they say goes into the store, links follow from there. */
export class PluginEndpoints implements EndpointPort {
  constructor(private readonly parts: Parts) {}

  async createNetwork(request: { networkId: string; tenant: string; network: string }): Promise<void> {
    const { store, state, host } = this.parts;
    const { networkId: dockerNetworkId, tenant, network } = request;
    await transact(store, () => {
      const { value, revision } = state.requireNetwork(tenant, network);
      if (value.deleting) throw conflict(`network ${network} is just being deleted`);
      const bound = state.bindingOf(host, tenant, network);
      if (bound?.dockerNetworkId === dockerNetworkId) return undefined;
      if (bound) throw conflict(`network ${network} of tenant ${tenant} already has a Docker network: ${bound.dockerNetworkId}`);
      const binding: DockerBinding = { host, dockerNetworkId, tenant, network };
      return combine(
        when({ key: keys.network(tenant, network), is: 'at', revision }),
        write({ key: keys.binding(host, dockerNetworkId), put: encodeStored(binding) }),
      );
    });
  }

  async createUnnamedNetwork(request: UnnamedNetworkRequest): Promise<void> {
    await this.parts.unnamed.create(request);
  }

  async deleteNetwork(dockerNetworkId: string): Promise<void> {
    await this.parts.unnamed.delete(dockerNetworkId);
    await this.parts.networks.deletedInDocker(dockerNetworkId);
  }

  async createEndpoint(request: { networkId: string; endpointId: string; addresses: readonly IpAddress[]; mac?: Mac }): Promise<{ mac?: Mac }> {
    const { store, host, unnamed } = this.parts;
    if (!/^[0-9a-f]{64}$/.test(request.endpointId)) throw invalid(`"${request.endpointId}" is not an endpoint id of Docker's`);
    const named = (await unnamed.named(request.networkId)).value;
    // On a network without IPv4 Docker gives a stand-in for an IPv4 address: it is for Docker only.
    const given = request.addresses.filter(({ family }) => subnetOf(named, family) !== undefined);
    const [first] = given;
    if (!first) throw invalid('an endpoint without an address cannot be created: Docker gave none');
    const mac = request.mac ?? Mac.fromIp(first);
    if (isBridgeMac(mac)) throw invalid(`the MAC address ${mac.toString()} is a gateway's: choose one that does not begin with 02:01:00`);
    await transact(store, () => {
      const network = this.network(request.networkId);
      const endpoint: Endpoint = { id: request.endpointId, tenant: network.tenant, network: network.name, addresses: given, mac, host };
      return this.planEndpoint(endpoint);
    });
    return request.mac ? {} : { mac };
  }

  async deleteEndpoint(_networkId: string, endpointId: string): Promise<void> {
    const { state, releases } = this.parts;
    const endpoint = state.endpoints.get(keys.endpoint(endpointId))?.value;
    await this.forget(endpointId);
    if (!endpoint || state.networks.get(keys.network(endpoint.tenant, endpoint.network))?.value.addressesBy === 'docker') return;
    for (const address of endpoint.addresses) releases.await(endpoint.tenant, endpoint.network, address);
  }

  /** The endpoint and its addresses; its link goes when the router is reconciled. Succeeds if there is none. */
  async forget(endpointId: string): Promise<void> {
    const { store, state, addresses } = this.parts;
    const key = keys.endpoint(endpointId);
    await transact(store, () => {
      const endpoint = state.endpoints.get(key)?.value;
      if (!endpoint) return undefined;
      const released = endpoint.addresses
        .filter((address) => this.holds(endpoint, address))
        .map((address) => addresses.release(endpoint.tenant, endpoint.network, address));
      return combine(write({ key, delete: true }), ...released);
    });
  }

  endpointInfo(_networkId: string, _endpointId: string): Promise<Record<string, string>> {
    return Promise.resolve({});
  }

  async join(request: { networkId: string; endpointId: string; sandboxKey: string }): Promise<JoinAnswer> {
    const { state, routers } = this.parts;
    const network = this.network(request.networkId);
    await this.setSandbox(request.endpointId, request.sandboxKey);
    await routers.attach(network.tenant, request.endpointId).catch(async (error: unknown) => {
      await this.setSandbox(request.endpointId, undefined);
      throw error;
    });
    const endpoint = state.endpoints.get(keys.endpoint(request.endpointId))?.value;
    const gateway = endpoint?.addresses.some(({ family }) => family === 4) ? network.ipv4?.gateway : undefined;
    return {
      linkName: containerLinkName(request.endpointId),
      linkPrefix,
      ...(gateway && { gateway }),
      ...(endpoint ? this.ipv6Way(network, endpoint) : {}),
    };
  }

  /**
   * The IPv6 gateway, as far as the container gets a default route to it. Docker before 28 makes default routes, of both families, of
   * that network only which has an IPv4 gateway; for a network of IPv6 alone a route is made of its own. There is room for one: the first stays, as
   * Docker refuses to attach a container whose default route is there already.
   */
  private ipv6Way(network: Network, endpoint: Endpoint): Pick<JoinAnswer, 'gatewayV6' | 'routes'> {
    const gatewayV6 = network.ipv6?.gateway;
    if (!gatewayV6 || !endpoint.addresses.some(({ family }) => family === 6)) return {};
    const others = this.siblings(endpoint).filter(({ ipv6 }) => ipv6?.gateway !== undefined);
    if (network.ipv4) return others.some(({ ipv4 }) => !ipv4) ? {} : { gatewayV6 };
    return others.length > 0 ? {} : { routes: [{ destination: everything, nextHop: gatewayV6 }] };
  }

  /** The other networks that the endpoint's container has joined. */
  private siblings({ id, host, sandboxKey }: Endpoint): Network[] {
    const { state } = this.parts;
    const endpoints = state.endpoints.values().filter((other) => other.id !== id && other.host === host && other.sandboxKey === sandboxKey);
    return endpoints.flatMap(({ tenant, network }) => state.networks.get(keys.network(tenant, network))?.value ?? []);
  }

  async leave(_networkId: string, endpointId: string): Promise<void> {
    const endpoint = this.parts.state.endpoints.get(keys.endpoint(endpointId))?.value;
    if (!endpoint?.sandboxKey) return;
    await this.setSandbox(endpointId, undefined);
    await this.parts.routers.sync(endpoint.tenant);
  }

  private async setSandbox(endpointId: string, sandboxKey: string | undefined): Promise<void> {
    const { store, state } = this.parts;
    const key = keys.endpoint(endpointId);
    await transact(store, () => {
      const stored = state.endpoints.get(key);
      if (!stored) {
        if (sandboxKey === undefined) return undefined;
        throw notFound(`endpoint ${endpointId} is not known to netctl`);
      }
      const { sandboxKey: before, publications, ...endpoint } = stored.value;
      if (before === sandboxKey) return undefined;
      // Who leaves is not reached any more, even if Docker did not revoke his ports.
      const kept = publications ? { publications } : {};
      const put = encodeStored(sandboxKey === undefined ? endpoint : { ...endpoint, ...kept, sandboxKey });
      return combine(when({ key, is: 'at', revision: stored.revision }), write({ key, put }));
    });
  }

  private network(dockerNetworkId: string): Network {
    const { state, host } = this.parts;
    const binding = state.bindings.get(keys.binding(host, dockerNetworkId))?.value;
    if (!binding) throw notFound(`Docker network ${dockerNetworkId} is not one of netctl's: remove it, and create it again`);
    return state.requireNetwork(binding.tenant, binding.network).value;
  }

  /** Docker may call twice: the same endpoint again is fine, another one under its id is not. */
  private planEndpoint(endpoint: Endpoint): Fragment | undefined {
    const { state } = this.parts;
    const key = keys.endpoint(endpoint.id);
    const existing = state.endpoints.get(key)?.value;
    if (existing) {
      const same = existing.network === endpoint.network && existing.tenant === endpoint.tenant && String(existing.addresses) === String(endpoint.addresses);
      if (!same) throw conflict(`endpoint ${endpoint.id} exists already, with other addresses or on another network`);
      return undefined;
    }
    const network = state.requireNetwork(endpoint.tenant, endpoint.network);
    if (network.value.deleting) throw conflict(`network ${endpoint.network} is just being deleted`);
    const there = when({ key: keys.network(endpoint.tenant, endpoint.network), is: 'at', revision: network.revision });
    const held = endpoint.addresses.map((address) => this.planHold(endpoint, network, address));
    return combine(when({ key, is: 'absent' }), there, ...held, write({ key, put: encodeStored(endpoint) }));
  }

  /** The address that Docker requested passes to the endpoint; one that it did not request is claimed. */
  private planHold(endpoint: Endpoint, network: Stored<Network>, address: IpAddress): Fragment {
    const { state, addresses } = this.parts;
    const owner = { kind: 'endpoint', id: endpoint.id } as const;
    const held = state.allocationOf(endpoint.tenant, endpoint.network, address);
    if (network.value.addressesBy === 'docker') this.refuseTakenElsewhere(network.value, address, held?.value.owner);
    const isRequested = held?.value.owner.kind === 'request' && held.value.owner.host === endpoint.host;
    return isRequested ? addresses.pass(held, owner) : addresses.claim(network, address, owner);
  }

  /** The Docker that made such a network gives its addresses as if it were the only one. The others get those of the upper half, so this takes a full one. */
  private refuseTakenElsewhere({ name }: Network, address: IpAddress, owner: Owner | undefined): void {
    const { state, host } = this.parts;
    const other = owner?.kind === 'endpoint' ? state.endpoints.get(keys.endpoint(owner.id))?.value.host : undefined;
    if (other === undefined || other === host) return;
    throw conflict(
      `Docker's own IPAM gave the address ${address.toString()} of network ${name}, which a container on host ${other} has: make the network with "--ipam-driver netctl"`,
    );
  }

  private holds(endpoint: Endpoint, address: IpAddress): boolean {
    const owner = this.parts.state.allocationOf(endpoint.tenant, endpoint.network, address)?.value.owner;
    return owner?.kind === 'endpoint' && owner.id === endpoint.id;
  }
}
