import type { OtherRoute } from '../../src/host/reach.js';
import { checkOverlap } from '../../src/ipam/overlap.js';
import { nextVni } from '../../src/ipam/vni.js';
import type { Allocation } from '../../src/model/allocation.js';
import { conflict, inUse } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { checkName, dockerNetworkName } from '../../src/model/names.js';
import { subnetsOf, type Network } from '../../src/model/network.js';
import type { NetworkRequest } from '../../src/model/request.js';
import { encodeStored } from '../../src/model/stored.js';
import type { UnnamedNetwork } from '../../src/model/unnamed-network.js';
import type { DockerEngine, DockerNetwork } from '../docker/port.js';
import type { Store } from '../store/port.js';
import type { Logger } from './logger.js';
import type { HostAccess } from './host-access.js';
import type { State } from './state.js';
import { asNetwork } from './unnamed-networks.js';
import { combine, transact, when, write, type Fragment } from './transact.js';
import type { Uplinks } from './uplinks.js';
import { counted } from './wording.js';

/** As many of a network's addresses go with it in one transaction. Those that nobody holds go before it if there are more; each of these is a condition. */
const [mostErased, mostAtOnce] = [2000, 100];

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly docker: DockerEngine;
  readonly host: string;
  readonly now: () => number;
  readonly log: Logger;
  readonly uplinks: Pick<Uplinks, 'plan'>;
  readonly access: Pick<HostAccess, 'routes' | 'refuseOverlap'>;
  /** Docker may have done something else than it said: its networks are to be compared with ours. */
  readonly doubtDocker: () => void;
}

/** Creates and deletes networks, here and in Docker. */
export class Networks {
  /** Networks that a create or delete is at work on; nobody else touches their Docker networks meanwhile. */
  private readonly busy = new Set<string>();
  /** Docker's ids of networks that it told us to delete: it still lists them for a moment. */
  private readonly dying = new Set<string>();

  constructor(private readonly parts: Parts) {}

  async create(request: NetworkRequest): Promise<{ created: boolean; network: Network }> {
    checkName('network', request.name);
    return this.alone(request, () => this.createAlone(request));
  }

  /**
   * First marks the network, so that nothing new can use it, then looks who uses it, then lets
   * Docker remove its own, and only then forgets the network. A refusal takes the mark away again.
   */
  async delete(tenant: string, name: string): Promise<void> {
    await this.alone({ tenant, name }, () =>
      this.retire(tenant, name, async () => {
        const { state, docker, host } = this.parts;
        const binding = state.bindingOf(host, tenant, name);
        if (binding) await docker.removeNetwork(binding.dockerNetworkId);
      }),
    );
  }

  /**
   * Docker's own `docker network rm` took the network away: it goes here too, unless a service has
   * its address from it; then Docker's is made again. One transaction does all, so that no crash can
   * come in between. While we ourselves are at work on the network, Docker only answers to that.
   */
  async deletedInDocker(dockerNetworkId: string): Promise<void> {
    const { store, state, host, log } = this.parts;
    const key = keys.binding(host, dockerNetworkId);
    this.dying.add(dockerNetworkId);
    const bound = state.bindings.get(key)?.value;
    if (bound) await this.thinOut(bound.tenant, bound.network);
    let kept = false;
    await transact(store, () => {
      const binding = state.bindings.get(key)?.value;
      if (!binding) return undefined;
      const { tenant, network } = binding;
      const unbind = write({ key, delete: true });
      if (this.isBusy({ tenant, name: network }) || !state.networks.get(keys.network(tenant, network))) return unbind;
      const user = this.whyUsed(tenant, network);
      kept = user !== undefined;
      if (user === undefined) return this.planErase(tenant, network);
      log.warn({ event: 'network-kept', tenant, network, reason: user }, 'Docker removed a network that is in use; it is made again');
      return unbind;
    });
    if (kept) this.parts.doubtDocker();
  }

  /** Those of Docker's networks that stay. @param listed all that Docker lists */
  lasting(listed: readonly DockerNetwork[]): DockerNetwork[] {
    const ids = new Set(listed.map(({ id }) => id));
    for (const id of this.dying) if (!ids.has(id)) this.dying.delete(id);
    return listed.filter(({ id }) => !this.dying.has(id));
  }

  /** Ends deletions that a crash interrupted: the network stays, and Docker's is made again. */
  async recover(): Promise<void> {
    for (const network of this.parts.state.networks.values()) {
      if (network.deleting) await this.mark(network.tenant, network.name, false);
    }
  }

  /** Makes the Docker network of a network that has none on this host. */
  async createInDocker(network: Network): Promise<void> {
    await this.parts.docker.createNetwork(dockerRequest(network));
  }

  /** Runs the work while nobody else creates or deletes this network, here or in Docker. Undefined if somebody does. */
  async ifIdle<T>(network: { tenant: string; name: string }, work: () => Promise<T>): Promise<T | undefined> {
    return this.isBusy(network) ? undefined : this.alone(network, work);
  }

  private async createAlone(request: NetworkRequest): Promise<{ created: boolean; network: Network }> {
    const { store, state, host } = this.parts;
    const routes = await this.parts.access.routes();
    const created = await transact(store, () => this.planCreate(request, routes));
    const network = state.requireNetwork(request.tenant, request.name).value;
    if (state.bindingOf(host, network.tenant, network.name)) return { created, network };
    try {
      await this.createInDocker(network);
    } catch (error) {
      if (created) await this.undoCreate(network);
      throw error;
    }
    return { created, network };
  }

  /**
   * Nothing is left behind. Docker may have made the network although it did not answer in time; and
   * somebody may have used it meanwhile: then it stays, and Docker's is made later.
   */
  private async undoCreate(network: Network): Promise<void> {
    const { docker, log } = this.parts;
    const { tenant, name } = network;
    try {
      await this.retire(tenant, name, async () => {
        const late = (await docker.listNetworks().catch(() => [])).find((candidate) => standsFor(candidate, network));
        if (late) await docker.removeNetwork(late.id);
      });
    } catch (err) {
      log.warn({ event: 'network-left', tenant, network: name, err }, 'a network that Docker refused could not be taken back');
      this.parts.doubtDocker();
    }
  }

  /** @param removeInDocker called when nobody uses the network, and nobody can begin to */
  private async retire(tenant: string, name: string, removeInDocker: () => Promise<void>): Promise<void> {
    this.refuseIfUsed(tenant, name);
    await this.mark(tenant, name, true);
    try {
      this.refuseIfUsed(tenant, name);
      await removeInDocker();
    } catch (error) {
      await this.mark(tenant, name, false);
      this.parts.doubtDocker();
      throw error;
    }
    await this.thinOut(tenant, name);
    await transact(this.parts.store, () => this.planErase(tenant, name));
  }

  isBusy(network: { tenant: string; name: string }): boolean {
    return this.busy.has(keys.network(network.tenant, network.name));
  }

  private async alone<T>(network: { tenant: string; name: string }, work: () => Promise<T>): Promise<T> {
    const key = keys.network(network.tenant, network.name);
    if (this.busy.has(key)) throw conflict(`network ${network.name} is just being created or deleted; try again in a moment`);
    this.busy.add(key);
    try {
      return await work();
    } finally {
      this.busy.delete(key);
    }
  }

  /** @param routes the host's, which a tenant that the host reaches must not overlap with */
  private planCreate(request: NetworkRequest, routes: readonly OtherRoute[]): Fragment | undefined {
    const { state } = this.parts;
    const tenant = state.requireTenant(request.tenant);
    if (tenant.value.deleting) throw conflict(`tenant ${request.tenant} is just being deleted`);
    const key = keys.network(request.tenant, request.name);
    const existing = state.networks.get(key)?.value;
    if (existing) {
      refuseIfDifferent(existing, request);
      return undefined;
    }
    checkOverlap(request, [...state.networks.of(request.tenant), ...state.unnamed.of(request.tenant).map(asNetwork)]);
    this.parts.access.refuseOverlap(tenant.value, [request], routes);
    const { vni: requestedVni, ...rest } = request;
    const network: Network = { ...rest, ...(requestedVni === undefined ? {} : { requestedVni }), vni: this.chooseVni(request) };
    return combine(
      when({ key: keys.tenant(request.tenant), is: 'at', revision: tenant.revision }),
      // Writing the tenant, unchanged, makes two creations in one tenant see each other: overlaps are looked for in all of it.
      write({ key: keys.tenant(request.tenant), put: encodeStored(tenant.value) }),
      this.parts.uplinks.plan(tenant.value, [...state.networks.of(request.tenant), network]),
      this.planNew(network),
    );
  }

  /**
   * The network that Docker made by itself becomes one of netctl's, by this name. What it overlaps with was looked for when Docker made it.
   * @throws NetctlError `conflict` if there is another one of that name.
   */
  planTakeOver(unnamed: UnnamedNetwork, name: string): { network: Network; fragment: Fragment } {
    const { state } = this.parts;
    const { host, dockerNetworkId, tenant, reserved, since, ...rest } = unnamed;
    const { value, revision } = state.requireTenant(tenant);
    if (value.deleting) throw conflict(`tenant ${tenant} is just being deleted`);
    if (state.networks.get(keys.network(tenant, name))) throw conflict(`tenant ${tenant} has another network ${name}`);
    const network: Network = { ...rest, tenant, name, vni: this.chooseVni({}) };
    const held = reserved.map((address): Allocation => ({ tenant, network: name, address, owner: { kind: 'reserved' }, since }));
    const bound = write({ key: keys.binding(host, dockerNetworkId), put: encodeStored({ host, dockerNetworkId, tenant, network: name }) });
    return { network, fragment: combine(when({ key: keys.tenant(tenant), is: 'at', revision }), this.planNew(network), bound, write(...held.map(put))) };
  }

  /** The network with its VNI and its gateways. */
  private planNew(network: Network): Fragment {
    const [key, vni] = [keys.network(network.tenant, network.name), keys.vni(network.vni)];
    return combine(
      when({ key, is: 'absent' }, { key: vni, is: 'absent' }),
      write({ key, put: encodeStored(network) }, { key: vni, put: { tenant: network.tenant, network: network.name } }),
      write(...this.gatewayAllocations(network).map(put)),
    );
  }

  private chooseVni(request: Pick<NetworkRequest, 'vni'>): number {
    const { vnis } = this.parts.state;
    if (request.vni === undefined) return nextVni(vnis);
    if (vnis.has(request.vni)) throw conflict(`packet tag ${request.vni} is not available: another network has it`);
    return request.vni;
  }

  private gatewayAllocations(network: Network): Allocation[] {
    const since = this.parts.now();
    return subnetsOf(network).flatMap(({ gateway }) =>
      gateway ? [{ tenant: network.tenant, network: network.name, address: gateway, owner: { kind: 'gateway' }, since }] : [],
    );
  }

  private async mark(tenant: string, name: string, deleting: boolean): Promise<void> {
    const { store, state } = this.parts;
    await transact(store, () => {
      const { value, revision } = state.requireNetwork(tenant, name);
      const { deleting: _, ...network } = value;
      const key = keys.network(tenant, name);
      return combine(when({ key, is: 'at', revision }), write({ key, put: encodeStored(deleting ? { ...network, deleting } : network) }));
    });
  }

  private refuseIfUsed(tenant: string, name: string): void {
    this.parts.state.requireNetwork(tenant, name);
    const reason = this.whyUsed(tenant, name);
    if (reason !== undefined) throw inUse(`network ${name} cannot be deleted: ${reason}`);
  }

  private whyUsed(tenant: string, name: string): string | undefined {
    const { state } = this.parts;
    const services = state.services.of(tenant).filter((service) => service.network === name);
    if (services.length > 0) return `${counted(services.map((service) => service.name), 'service')} ${services.length === 1 ? 'has its address from it; delete it' : 'have their addresses from it; delete them'} first`;
    const endpoints = state.endpoints.of(tenant).filter((endpoint) => endpoint.network === name);
    if (endpoints.length === 0) return undefined;
    return `${counted(endpoints.map((endpoint) => endpoint.addresses.join(' ')), 'endpoint')} ${endpoints.length === 1 ? 'is attached to it; stop or disconnect its container' : 'are attached to it; stop or disconnect their containers'} first`;
  }

  /** Forgets resting addresses while there are more than can go with the network. Nobody misses them if it stays. */
  private async thinOut(tenant: string, name: string): Promise<void> {
    const { state, store } = this.parts;
    const superfluous = (): Fragment[] =>
      state.allocations.of(tenant, name).length <= mostErased
        ? []
        : state.allocations
            .values()
            .filter(({ value }) => value.tenant === tenant && value.network === name && value.owner.kind === 'resting')
            .slice(0, mostAtOnce)
            .map(({ value, revision }) => ({ key: keys.allocation(tenant, name, value.address), revision }))
            .map(({ key, revision }) => combine(when({ key, is: 'at', revision }), write({ key, delete: true })));
    let more = true;
    while (more) more = await transact(store, () => combine(...superfluous()));
  }

  /** All that belongs to the network, and the network itself. */
  private planErase(tenant: string, name: string): Fragment | undefined {
    const { state } = this.parts;
    const key = keys.network(tenant, name);
    const stored = state.networks.get(key);
    if (!stored) return undefined;
    const bindings = state.bindings.of(tenant).filter((binding) => binding.network === name);
    const erased = write(
      { key, delete: true },
      { key: keys.vni(stored.value.vni), delete: true },
      ...state.allocations.of(tenant, name).map(({ address }) => ({ key: keys.allocation(tenant, name, address), delete: true }) as const),
      ...bindings.map((binding) => ({ key: keys.binding(binding.host, binding.dockerNetworkId), delete: true }) as const),
    );
    return combine(when({ key, is: 'at', revision: stored.revision }), erased);
  }
}

function put(allocation: Allocation): { readonly key: string; readonly put: ReturnType<typeof encodeStored> } {
  return { key: keys.allocation(allocation.tenant, allocation.network, allocation.address), put: encodeStored(allocation) };
}

function dockerRequest(network: Network): Parameters<DockerEngine['createNetwork']>[0] {
  const identity = { tenant: network.tenant, network: network.name };
  return {
    name: dockerNetworkName(network.tenant, network.name),
    options: identity,
    ipamOptions: identity,
    addressesBy: network.addressesBy ?? 'netctl',
    internal: network.internal === true,
    subnets: subnetsOf(network).map(({ prefix, gateway }) => ({ subnet: prefix.toString(), ...(gateway ? { gateway: gateway.toString() } : {}) })),
    ipv6: network.ipv6 !== undefined,
  };
}

/** Whether Docker's network was made for ours. */
export function standsFor({ options }: DockerNetwork, network: Network): boolean {
  return options['tenant'] === network.tenant && options['network'] === network.name;
}

/** Creating again what is there is fine; a network cannot be changed, since containers live in it. */
function refuseIfDifferent(existing: Network, request: NetworkRequest): void {
  if (existing.deleting) throw conflict(`network ${request.name} is just being deleted; try again in a moment`);
  const asked = { ...request, vni: request.vni ?? existing.vni };
  const held = { tenant: existing.tenant, name: existing.name, ipv4: existing.ipv4, ipv6: existing.ipv6, vni: existing.vni, tag: existing.tag, internal: existing.internal };
  const fields = { ipv4: 'subnet or gateway', ipv6: 'IPv6 subnet or gateway', vni: 'packet tag', tag: 'network tag', internal: 'answer to whether it is internal' } as const;
  const changed = Object.entries(fields).filter(([field]) => text(asked[field as keyof typeof fields]) !== text(held[field as keyof typeof fields]));
  if (changed.length > 0) {
    throw conflict(`network ${request.name} exists with another ${changed.map(([, name]) => name).join(', ')}: a network cannot be changed; delete it and create it again`);
  }
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? '';
}
