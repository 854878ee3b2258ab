import type { Container } from '../../src/model/container.js';
import { IpAddress, Prefix } from '../../src/model/address.js';
import { conflict, notFound } from '../../src/model/errors.js';
import type { AddressPort, EndpointPort, PortRequest, PublicationPort } from '../../plugin/ports.js';
import type { ContainerListener, DockerEngine, DockerNetwork, DockerNetworkRequest } from '../../daemon/docker/port.js';

interface Attached {
  readonly networkId: string;
  readonly endpointId: string;
  readonly poolId: string;
  readonly address: IpAddress;
}

interface MadeNetwork {
  readonly tenant?: string;
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly reserved?: readonly string[];
}

interface Running {
  container: Container;
  readonly network: string;
  readonly ip: string | undefined;
  readonly publish: readonly PortRequest[];
  attached: Attached | undefined;
}

/**
 * A Docker engine in memory: it makes the calls that dockerd makes to a network plugin, in dockerd's
 * order, and tells of containers what dockerd's events tell.
 */
export class FakeDocker implements DockerEngine {
  readonly networks = new Map<string, DockerNetwork & { readonly request: DockerNetworkRequest; /** Of those that it made by itself. */ readonly poolId?: string }>();
  readonly containers = new Map<string, Running>();
  /** Set: the next network is refused with this. */
  refusal: Error | undefined;
  private addresses!: AddressPort;
  private endpoints!: EndpointPort;
  private publications!: PublicationPort;
  private listener!: ContainerListener;

  /** @param counter where its ids begin; the engines of several hosts must not share any. */
  constructor(private counter = 0) {}

  use(parts: { addresses: AddressPort; endpoints: EndpointPort; publications: PublicationPort; listener: ContainerListener }): void {
    Object.assign(this, parts);
  }

  /** The event stream is open. */
  connect(): void {
    this.listener.connected([...this.containers.values()].map(({ container }) => container));
  }

  async createNetwork(request: DockerNetworkRequest): Promise<string> {
    if (this.refusal) throw this.refusal;
    if ([...this.networks.values()].some(({ name }) => name === request.name)) throw conflict(`network with name ${request.name} already exists`);
    const id = this.id();
    const { tenant = '', network = '' } = request.ipamOptions;
    for (const { subnet, gateway } of request.subnets) {
      const family = subnet.includes(':') ? 6 : 4;
      const { poolId } = await this.addresses.requestPool({ tenant, network, family });
      await this.addresses.requestAddress({ poolId, purpose: 'gateway', ...(gateway ? { address: IpAddress.parse(gateway) } : {}) });
    }
    await this.endpoints.createNetwork({ networkId: id, tenant, network });
    this.networks.set(id, { id, name: request.name, driver: 'netctl', options: request.options, request });
    return id;
  }

  /** `docker network create -d netctl --ipam-driver netctl NAME`, in dockerd's order; its id. Nothing is left of it if it fails. */
  async makeNetwork(name: string, options: MadeNetwork = {}): Promise<string> {
    const { tenant, subnet, range, gateway, reserved = [] } = options;
    const id = this.id();
    const { poolId, prefix } = await this.addresses.openPool({ family: 4, ...(subnet && { subnet: Prefix.parse(subnet) }), ...(range && { range: Prefix.parse(range) }) });
    try {
      const given = await this.addresses.requestAddress({ poolId, purpose: 'gateway', ...(gateway && { address: IpAddress.parse(gateway) }) });
      for (const text of reserved) await this.addresses.requestAddress({ poolId, purpose: 'endpoint', address: IpAddress.parse(text) });
      const subnets = [{ prefix, gateway: given.address, reserved: reserved.map((text) => IpAddress.parse(text)) }];
      await this.endpoints.createUnnamedNetwork({ networkId: id, tenant: tenant ?? 'default', internal: false, addressesBy: 'netctl', subnets });
    } catch (error) {
      await this.addresses.releasePool(poolId);
      throw error;
    }
    const request = { name, options: {}, ipamOptions: {}, subnets: [], ipv6: false, internal: false, addressesBy: 'netctl' } as const;
    this.networks.set(id, { id, name, driver: 'netctl', options: tenant === undefined ? {} : { tenant }, request, poolId });
    this.listener.networkMade();
    return id;
  }

  async removeNetwork(id: string): Promise<void> {
    const network = this.networks.get(id);
    if (!network) return;
    if ([...this.containers.values()].some(({ attached }) => attached?.networkId === id)) throw conflict(`network ${network.name} has active endpoints`);
    if (network.poolId !== undefined) await this.addresses.releasePool(network.poolId);
    await this.endpoints.deleteNetwork(id);
    this.networks.delete(id);
  }

  listNetworks(): Promise<DockerNetwork[]> {
    return Promise.resolve([...this.networks.values()]);
  }

  listEndpoints(networkId: string): Promise<string[]> {
    const attached = [...this.containers.values()].flatMap((container) => container.attached ?? []);
    return Promise.resolve(attached.filter((endpoint) => endpoint.networkId === networkId).map(({ endpointId }) => endpointId));
  }

  /** `docker run -d --net NETWORK --label ... [--ip IP] [-p ...]`; the container's id. Nothing is left of it if it fails. */
  async run(options: { name?: string; network: string; labels?: Record<string, string>; ip?: string; publish?: readonly PortRequest[] }): Promise<string> {
    const id = this.id();
    const container: Container = { id, name: options.name ?? `c${this.counter}`, labels: options.labels ?? {}, state: 'created', health: 'none', stopping: false, attachments: [] };
    this.containers.set(id, { container, network: options.network, ip: options.ip, publish: options.publish ?? [], attached: undefined });
    try {
      await this.start(id);
    } catch (error) {
      this.containers.delete(id);
      throw error;
    }
    return id;
  }

  async start(id: string): Promise<void> {
    const running = this.container(id);
    const attached = await this.attach(running);
    running.attached = attached;
    this.tell(running, { state: 'running', stopping: false, attachments: [{ networkName: running.network, networkId: attached.networkId, endpointId: attached.endpointId }] });
  }

  /** As `docker stop`: the kill event first, then the end of the process. */
  async stop(id: string): Promise<void> {
    this.set(id, { stopping: true });
    await this.exit(id);
  }

  async exit(id: string): Promise<void> {
    const running = this.container(id);
    if (!running.attached) return;
    this.tell(running, { state: 'exited', stopping: false });
    await this.detach(running);
    this.tell(running, { attachments: running.container.attachments.map((attachment) => ({ ...attachment, endpointId: '' })) });
  }

  async remove(id: string): Promise<void> {
    await this.exit(id);
    this.containers.delete(id);
    this.listener.removed(id);
  }

  /** What an event says: paused, unhealthy, stopping. */
  set(id: string, change: Partial<Pick<Container, 'state' | 'health' | 'stopping'>>): void {
    this.tell(this.container(id), change);
  }

  addressOf(id: string): string {
    return this.container(id).attached?.address.toString() ?? '';
  }

  endpointOf(id: string): string {
    return this.container(id).attached?.endpointId ?? '';
  }

  private async attach({ network: name, ip, publish }: Running): Promise<Attached> {
    const network = [...this.networks.values()].find((candidate) => candidate.name === name);
    if (!network) throw notFound(`network ${name} not found`);
    const { tenant = '', network: own = '' } = network.options;
    const endpointId = this.id();
    const poolId = network.poolId ?? (await this.addresses.requestPool({ tenant, network: own, family: 4 })).poolId;
    const { address } = await this.addresses.requestAddress({ poolId, purpose: 'endpoint', ...(ip ? { address: IpAddress.parse(ip) } : {}) });
    const attached = { networkId: network.id, endpointId, poolId, address };
    try {
      await this.endpoints.createEndpoint({ networkId: network.id, endpointId, addresses: [address] });
      await this.endpoints.join({ networkId: network.id, endpointId, sandboxKey: `/var/run/docker/netns/${endpointId.slice(0, 12)}` });
      await this.publications.publish({ endpointId, ports: publish });
    } catch (error) {
      await this.endpoints.leave(network.id, endpointId).catch(logged);
      await this.release(attached);
      throw error;
    }
    return attached;
  }

  private async detach(running: Running): Promise<void> {
    const { attached } = running;
    if (!attached) return;
    running.attached = undefined;
    await this.publications.revoke(attached.endpointId).catch(logged);
    await this.endpoints.leave(attached.networkId, attached.endpointId).catch(logged);
    await this.release(attached);
  }

  private async release({ networkId, endpointId, poolId, address }: Attached): Promise<void> {
    await this.endpoints.deleteEndpoint(networkId, endpointId).catch(logged);
    await this.addresses.releaseAddress(poolId, address).catch(logged);
  }

  private tell(running: Running, change: Partial<Container>): void {
    running.container = { ...running.container, ...change };
    this.listener.changed(running.container);
  }

  private container(id: string): Running {
    const running = this.containers.get(id);
    if (!running) throw new Error(`no such container: ${id}`);
    return running;
  }

  /** The digits that matter come first, as in Docker's random ids. */
  private id(): string {
    this.counter += 1;
    return this.counter.toString(16).padStart(12, '0').padEnd(64, '0');
  }
}

/** Where an endpoint ends dockerd only logs what a plugin refuses, and goes on without it. */
function logged(_error: unknown): void {}
