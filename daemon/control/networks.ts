import type { OtherRoute } from '../../src/host/reach.js';
import { checkOverlap } from '../../src/ipam/overlap.js';
import { nextVni } from '../../src/ipam/vni.js';
import type { Allocation } from '../../src/model/allocation.js';
import { conflict, messageOf } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { checkName, dockerNetworkName } from '../../src/model/names.js';
import { subnetsOf, type DockerBinding, type Network } from '../../src/model/network.js';
import type { NetworkRequest } from '../../src/model/request.js';
import { encodeStored } from '../../src/model/stored.js';
import type { UnnamedNetwork } from '../../src/model/unnamed-network.js';
import type { DockerEngine, DockerNetwork } from '../docker/port.js';
import type { Store } from '../store/port.js';
import type { Logger } from './logger.js';
import type { HostAccess } from './host-access.js';
import type { Hosts } from './hosts.js';
import type { NetworkRemoval } from './network-removal.js';
import { waitAtMost } from './patience.js';
import type { State } from './state.js';
import { asNetwork } from './unnamed-networks.js';
import { combine, transact, when, write, type Fragment } from './transact.js';
import type { Uplinks } from './uplinks.js';
import type { Waiting } from './waiting.js';

/** How long a creation or a deletion waits for this host's own work on the Docker network, in milliseconds: it has just heard of the network from another host. */
const settleMs = 5000;

/** How long the answer to a creation waits for the other hosts, in milliseconds. */
const elsewhereMs = 3000;

/** How long Docker waits for the other hosts when it was told to remove a network, in milliseconds. The rest goes on without it. */
const answerMs = 3000;

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly docker: DockerEngine;
  readonly host: string;
  readonly now: () => number;
  readonly log: Logger;
  readonly uplinks: Pick<Uplinks, 'plan'>;
  readonly access: Pick<HostAccess, 'routes' | 'refuseOverlap'>;
  readonly hosts: Pick<Hosts, 'areShared' | 'isPresent'>;
  readonly waiting: Waiting;
  readonly removal: NetworkRemoval;
  /** Whether a network is encrypted when nobody says. */
  readonly encryptByDefault: boolean;
  /** Docker may have done something else than it said: its networks are to be compared with ours. */
  readonly doubtDocker: () => void;
}

/** Creates and deletes networks, here and in Docker. */
export class Networks {
  /** Networks that a create or delete is at work on; nobody else touches their Docker networks meanwhile. */
  private readonly busy = new Set<string>();
  /** Of these, the work that makes Docker's network agree; it ends by itself. */
  private readonly settling = new Map<string, Promise<unknown>>();
  /** Docker's ids of networks that it told us to delete: it still lists them for a moment. */
  private readonly dying = new Set<string>();

  constructor(private readonly parts: Parts) {}

  async create(request: NetworkRequest): Promise<{ created: boolean; network: Network }> {
    checkName('network', request.name);
    await this.settled(request);
    const answer = await this.alone(request, () => this.createAlone(request));
    await this.madeElsewhere(answer.network);
    return answer;
  }

  /** Waits a while for the other hosts' Docker, so that the user's next command there meets the network. It is made there in any case. */
  private async madeElsewhere({ tenant, name }: Network): Promise<void> {
    const { state, hosts, waiting } = this.parts;
    if (!hosts.areShared) return;
    const present = (): string[] => state.hosts.values().flatMap((host) => (hosts.isPresent(host.name) ? [host.name] : []));
    await waiting.until(() => present().every((host) => state.bindingOf(host, tenant, name) !== undefined), elsewhereMs);
  }

  /** Deletes it on every host. @throws NetctlError `in-use` with who uses it, or with the host whose Docker refuses; then it stays, on every host. */
  async delete(tenant: string, name: string): Promise<void> {
    await this.settled({ tenant, name });
    await this.alone({ tenant, name }, () =>
      this.parts.removal.retire(tenant, name, async () => {
        const { state, docker, host } = this.parts;
        const binding = state.bindingOf(host, tenant, name);
        if (binding) await docker.removeNetwork(binding.dockerNetworkId);
      }),
    );
  }

  /**
   * Docker's own `docker network rm` took the network away: it goes here too, and on every host, unless somebody uses it; then Docker's is
   * made again. While somebody is at work on the network, Docker only answers to that.
   */
  async deletedInDocker(dockerNetworkId: string): Promise<void> {
    const { host, hosts } = this.parts;
    const key = keys.binding(host, dockerNetworkId);
    this.dying.add(dockerNetworkId);
    await (hosts.areShared ? this.deletedOnOneOfSeveral(key) : this.deletedOnTheOnlyOne(key));
  }

  /** One transaction does all, so that no crash can come in between. */
  private async deletedOnTheOnlyOne(key: string): Promise<void> {
    const { store, state, removal } = this.parts;
    const bound = state.bindings.get(key)?.value;
    if (bound) await removal.thinOut(bound.tenant, bound.network);
    let kept = false;
    await transact(store, () => {
      const binding = state.bindings.get(key)?.value;
      if (!binding) return undefined;
      const { tenant, network } = binding;
      const unbind = write({ key, delete: true });
      if (this.isBusy({ tenant, name: network }) || !state.networks.get(keys.network(tenant, network))) return unbind;
      const user = removal.whyUsed(tenant, network);
      kept = user !== undefined;
      if (user === undefined) return removal.planErase(tenant, network);
      this.logKept(binding, user);
      return unbind;
    });
    if (kept) this.parts.doubtDocker();
  }

  /**
   * In two steps, as every deletion, since on another host somebody may begin to use the network. If a crash comes in between, it stays.
   * Docker is not kept waiting until the slowest host has followed.
   */
  private async deletedOnOneOfSeveral(key: string): Promise<void> {
    const { store, state, removal, doubtDocker } = this.parts;
    const binding = state.bindings.get(key)?.value;
    if (!binding) return;
    // Also if the network stays: of Docker's nothing is left.
    const unbind = async (): Promise<void> => void (await transact(store, () => (state.bindings.get(key) ? write({ key, delete: true }) : undefined)));
    const { tenant, network: name } = binding;
    const network = state.networks.get(keys.network(tenant, name))?.value;
    if (!network || network.deleting || this.isBusy(network)) return unbind();
    const deletion = this.alone(network, () => removal.retire(tenant, name, unbind)).catch(async (error: unknown) => {
      this.logKept(binding, messageOf(error));
      await unbind();
      doubtDocker();
    });
    const failed = new Promise<never>((_, reject) => deletion.catch(reject));
    await Promise.race([waitAtMost(answerMs, deletion), failed]);
  }

  private logKept({ tenant, network }: DockerBinding, reason: string): void {
    this.parts.log.warn({ event: 'network-kept', tenant, network, reason }, 'Docker removed a network that cannot be deleted; it is made again');
  }

  /** Those of Docker's networks that stay. @param listed all that Docker lists */
  lasting(listed: readonly DockerNetwork[]): DockerNetwork[] {
    const ids = new Set(listed.map(({ id }) => id));
    for (const id of this.dying) if (!ids.has(id)) this.dying.delete(id);
    return listed.filter(({ id }) => !this.dying.has(id));
  }

  /** Makes the Docker network of a network that has none on this host. */
  async createInDocker(network: Network): Promise<void> {
    const { docker, hosts } = this.parts;
    // Two Dockers with IPAMs of their own would give the same addresses. Only the one that made such a network by itself has its own.
    await docker.createNetwork(dockerRequest(hosts.areShared ? { ...network, addressesBy: 'netctl' } : network));
  }

  /** Runs the work while nobody else creates or deletes this network, here or in Docker. Undefined if somebody does. */
  async ifIdle<T>(network: { tenant: string; name: string }, work: () => Promise<T>): Promise<T | undefined> {
    if (this.isBusy(network)) return undefined;
    const key = keys.network(network.tenant, network.name);
    const settling = this.alone(network, work).finally(() => this.settling.delete(key));
    this.settling.set(key, settling);
    return settling;
  }

  /** What this host does by itself, as another one made or deletes the network, is no reason to refuse what its user wants. */
  private async settled({ tenant, name }: { tenant: string; name: string }): Promise<void> {
    const key = keys.network(tenant, name);
    const settling = this.settling.get(key);
    // Who deletes it may need long, and is not to be disturbed.
    if (settling && !this.parts.state.networks.get(key)?.value.deleting) await waitAtMost(settleMs, settling);
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
      await this.parts.removal.retire(tenant, name, async () => {
        const late = (await docker.listNetworks().catch(() => [])).find((candidate) => standsFor(candidate, network));
        if (late) await docker.removeNetwork(late.id);
      });
    } catch (err) {
      log.warn({ event: 'network-left', tenant, network: name, err }, 'a network that Docker refused could not be taken back');
      this.parts.doubtDocker();
    }
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
    const { vni: requestedVni, encrypted, ...rest } = request;
    const network: Network = { ...rest, ...(requestedVni === undefined ? {} : { requestedVni }), vni: this.chooseVni(request), ...this.encryption(encrypted) };
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
    const network: Network = { ...rest, tenant, name, vni: this.chooseVni({}), ...this.encryption() };
    const held = reserved.map((address): Allocation => ({ tenant, network: name, address, owner: { kind: 'reserved' }, since }));
    const bound = write({ key: keys.binding(host, dockerNetworkId), put: encodeStored({ host, dockerNetworkId, tenant, network: name }) });
    return { network, fragment: combine(when({ key: keys.tenant(tenant), is: 'at', revision }), this.planNew(network), bound, write(...held.map(put))) };
  }

  private encryption(asked = this.parts.encryptByDefault): { readonly encrypted?: true } {
    return asked ? { encrypted: true } : {};
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
}

function put(allocation: Allocation): { readonly key: string; readonly put: ReturnType<typeof encodeStored> } {
  return { key: keys.allocation(allocation.tenant, allocation.network, allocation.address), put: encodeStored(allocation) };
}

function dockerRequest(network: Omit<Network, 'addressesBy'> & { readonly addressesBy?: 'docker' | 'netctl' }): Parameters<DockerEngine['createNetwork']>[0] {
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
  const asked = { ...request, vni: request.vni ?? existing.vni, encrypted: request.encrypted ?? existing.encrypted === true };
  const held = { tenant: existing.tenant, name: existing.name, ipv4: existing.ipv4, ipv6: existing.ipv6, vni: existing.vni, tag: existing.tag, internal: existing.internal, encrypted: existing.encrypted === true };
  const fields = { ipv4: 'subnet or gateway', ipv6: 'IPv6 subnet or gateway', vni: 'packet tag', tag: 'network tag', internal: 'answer to whether it is internal', encrypted: 'answer to whether it is encrypted' } as const;
  const changed = Object.entries(fields).filter(([field]) => text(asked[field as keyof typeof fields]) !== text(held[field as keyof typeof fields]));
  if (changed.length > 0) {
    throw conflict(`network ${request.name} exists with another ${changed.map(([, name]) => name).join(', ')}: a network cannot be changed; delete it and create it again`);
  }
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? '';
}
