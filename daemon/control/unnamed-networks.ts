import type { UnnamedNetworkRequest } from '../../plugin/ports.js';
import { dockerSubnet } from '../../src/ipam/docker-subnet.js';
import { checkOverlap } from '../../src/ipam/overlap.js';
import type { Family } from '../../src/model/address.js';
import { conflict, invalid, messageOf, NetctlError, notFound, unavailable } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import { checkName } from '../../src/model/names.js';
import type { Network, Subnet } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { UnnamedNetwork } from '../../src/model/unnamed-network.js';
import type { DockerEngine } from '../docker/port.js';
import type { Store } from '../store/port.js';
import type { DockerPools } from './docker-pools.js';
import type { Happening } from './events.js';
import type { Logger } from './logger.js';
import type { Networks } from './networks.js';
import type { State } from './state.js';
import type { Stored } from './table.js';
import { combine, transact, when, write, type Fragment } from './transact.js';
import type { HostAccess } from './host-access.js';
import type { Uplinks } from './uplinks.js';
import type { Waiting } from './waiting.js';

/** How long a container waits for its network's name, in milliseconds. Docker tells it within milliseconds, when it is well. */
const nameMs = 5000;

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly docker: Pick<DockerEngine, 'listNetworks'>;
  readonly networks: Networks;
  readonly pools: DockerPools;
  readonly waiting: Waiting;
  readonly uplinks: Pick<Uplinks, 'plan'>;
  readonly access: Pick<HostAccess, 'routes' | 'refuseOverlap'>;
  readonly host: string;
  /** A network that Docker does not list this long after it was made was never finished, in milliseconds. */
  readonly reclaimMs: number;
  readonly now: () => number;
  readonly log: Logger;
  readonly record: (happening: Happening) => void;
}

/**
 * Networks that Docker makes by itself. CreateNetwork tells all but the name; that is learned from
 * Docker's list when the call is over, and then it becomes a network of netctl's. Everything that can be refused to the
 * user's face is refused in CreateNetwork; what only the name shows is refused to each container.
 */
export class UnnamedNetworks {
  /** Why a network did not become one of netctl's, by Docker's id. */
  private readonly refusals = new Map<string, NetctlError>();

  constructor(private readonly parts: Parts) {}

  /** Docker may call twice. */
  async create(request: UnnamedNetworkRequest): Promise<void> {
    const { store, state, host } = this.parts;
    const { networkId, tenant } = request;
    const key = keys.unnamedNetwork(host, networkId);
    const routes = await this.parts.access.routes();
    await transact(store, () => {
      if (state.unnamed.get(key) || state.bindings.get(keys.binding(host, networkId))) return undefined;
      const owner = state.requireTenant(tenant);
      if (owner.value.deleting) throw conflict(`tenant ${tenant} is just being deleted`);
      const { network, fragments } = this.take(request);
      checkOverlap({ ...network, name: networkId }, [...state.networks.of(tenant), ...state.unnamed.of(tenant).map(asNetwork)]);
      this.parts.access.refuseOverlap(owner.value, [{ ...network, name: networkId }], routes);
      // The network gets its uplink with its name; that there is none left must be said now.
      this.parts.uplinks.plan(owner.value, [network]);
      return combine(
        when({ key: keys.tenant(tenant), is: 'at', revision: owner.revision }, { key, is: 'absent' }),
        // As for every network: two creations in one tenant see each other.
        write({ key: keys.tenant(tenant), put: encodeStored(owner.value) }, { key, put: encodeStored(network) }),
        ...fragments,
      );
    });
  }

  /** Docker took it away before it had a name. Succeeds if there is none. */
  async delete(dockerNetworkId: string): Promise<void> {
    this.refusals.delete(dockerNetworkId);
    await transact(this.parts.store, () => {
      const unnamed = this.find(dockerNetworkId);
      return unnamed && forget(unnamed);
    });
  }

  /**
   * The network for which Docker's stands; waits for its name if it has none yet.
   * @throws NetctlError with the reason if it does not become one.
   */
  async named(dockerNetworkId: string): Promise<Stored<Network>> {
    const { state, host, waiting } = this.parts;
    const key = keys.binding(host, dockerNetworkId);
    const isUnnamed = (): boolean => this.find(dockerNetworkId) !== undefined;
    await waiting.until(() => !isUnnamed() || this.refusals.has(dockerNetworkId), nameMs);
    const binding = state.bindings.get(key)?.value;
    if (binding) return state.requireNetwork(binding.tenant, binding.network);
    const refusal = this.refusals.get(dockerNetworkId);
    if (refusal) throw refusal;
    if (isUnnamed()) throw unavailable('netctl has not learned the name of this Docker network yet: try again in a moment');
    throw notFound(`Docker network ${dockerNetworkId} is not one of netctl's: remove it, and create it again`);
  }

  /** Makes networks of those that Docker lists by now. Rejects if Docker or the store does not answer. */
  async nameAll(): Promise<void> {
    const { docker, networks, state, host, reclaimMs, now } = this.parts;
    const unnamed = state.unnamed.values().filter((candidate) => candidate.host === host);
    if (unnamed.length === 0) return;
    const listed = networks.lasting(await docker.listNetworks());
    for (const { dockerNetworkId, since } of unnamed) {
      const found = listed.find(({ id }) => id === dockerNetworkId);
      if (found) await this.name(dockerNetworkId, found.name);
      else if (since < now() - reclaimMs) await this.delete(dockerNetworkId);
    }
  }

  private async name(dockerNetworkId: string, dockerName: string): Promise<void> {
    const { store, networks, log } = this.parts;
    try {
      let made: Network | undefined;
      await transact(store, () => {
        const unnamed = this.find(dockerNetworkId);
        if (!unnamed) return undefined;
        const { tenant } = unnamed.value;
        const name = checkName('network', dockerName.endsWith(`/${tenant}`) ? dockerName.slice(0, -tenant.length - 1) : dockerName);
        const { network, fragment } = networks.planTakeOver(unnamed.value, name);
        made = network;
        return combine(forget(unnamed), fragment);
      });
      this.refusals.delete(dockerNetworkId);
      if (made) log.info({ event: 'docker-network-taken-over', dockerNetworkId, tenant: made.tenant, network: made.name }, 'Docker made a network by itself; it is one of ours now');
    } catch (error) {
      if (!(error instanceof NetctlError) || error.code === 'internal') throw error;
      this.refuse(dockerNetworkId, dockerName, error);
    }
    this.parts.waiting.recheck();
  }

  /** Docker has the network by now, and cannot be told no any more: its containers are. */
  private refuse(dockerNetworkId: string, dockerName: string, reason: NetctlError): void {
    const { log, record, state, host } = this.parts;
    const message = `Docker network ${dockerName} is of no use: ${messageOf(reason)}; remove it with "docker network rm ${dockerName}" and create it under another name`;
    if (this.refusals.get(dockerNetworkId)?.message === message) return;
    this.refusals.set(dockerNetworkId, new NetctlError(reason.code, message));
    log.warn({ event: 'docker-network-refused', dockerNetworkId, name: dockerName }, message);
    const tenant = state.unnamed.get(keys.unnamedNetwork(host, dockerNetworkId))?.value.tenant;
    record({ kind: 'network', ...(tenant !== undefined && { tenant }), name: dockerName, type: 'warning', reason: 'NetworkRefused', message });
  }

  /** The network with its subnets; those of netctl's own pools take them. */
  private take(request: UnnamedNetworkRequest): { network: UnnamedNetwork; fragments: Fragment[] } {
    const { host, now, pools } = this.parts;
    const { networkId: dockerNetworkId, tenant, internal, addressesBy, subnets } = request;
    const taken = addressesBy === 'docker' ? [] : subnets.map(({ prefix }) => pools.planTake(prefix, dockerNetworkId));
    const ranges = taken.map(({ pool }) => pool.range);
    const decoded = decodeSubnets({ subnets: subnets.map((subnet, index) => ({ ...subnet, ...(ranges[index] && { range: ranges[index] }) })) });
    const network: UnnamedNetwork = {
      ...{ host, dockerNetworkId, tenant, ...decoded, reserved: subnets.flatMap(({ reserved }) => reserved), since: now() },
      ...(internal && { internal }),
      ...(addressesBy === 'docker' && { addressesBy }),
    };
    checkReserved(network);
    return { network, fragments: taken.map(({ fragment }) => fragment) };
  }

  private find(dockerNetworkId: string): Stored<UnnamedNetwork> | undefined {
    return this.parts.state.unnamed.get(keys.unnamedNetwork(this.parts.host, dockerNetworkId));
  }
}

function decodeSubnets({ subnets }: { subnets: readonly Parameters<typeof dockerSubnet>[0][] }): { ipv4?: Subnet; ipv6?: Subnet } {
  const of = (family: Family): Subnet | undefined => {
    const [subnet, second] = subnets.filter(({ prefix }) => prefix.family === family);
    if (second) throw invalid(`a network of netctl has one IPv${family} subnet: leave out ${second.prefix.toString()}, or make another network of it`);
    return subnet && dockerSubnet(subnet);
  };
  const [ipv4, ipv6] = [of(4), of(6)];
  if (!ipv4 && !ipv6) throw invalid('a network of netctl needs a subnet, and Docker gave none: give one with "--subnet"');
  return { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) };
}

function checkReserved({ ipv4, ipv6, reserved }: UnnamedNetwork): void {
  for (const address of reserved) {
    const subnet = address.family === 4 ? ipv4 : ipv6;
    if (!subnet?.prefix.contains(address)) throw invalid(`the auxiliary address ${address.toString()} is in no subnet of the network`);
    if (subnet.gateway?.equals(address)) throw conflict(`the auxiliary address ${address.toString()} is the gateway: name another one with "--gateway"`);
  }
}

function forget({ value: { host, dockerNetworkId }, revision }: Stored<UnnamedNetwork>): Fragment {
  const key = keys.unnamedNetwork(host, dockerNetworkId);
  return combine(when({ key, is: 'at', revision }), write({ key, delete: true }));
}

/** As the other side of an overlap. */
export function asNetwork(unnamed: UnnamedNetwork): Pick<Network, 'tenant' | 'name' | 'ipv4' | 'ipv6'> {
  return { ...unnamed, name: `${unnamed.dockerNetworkId.slice(0, 12)} (a network that Docker is just making)` };
}
