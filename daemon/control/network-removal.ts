import { conflict, inUse, unavailable, type NetctlError } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { DockerBinding } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { Store } from '../store/port.js';
import type { DeletionMarks } from './deletion-marks.js';
import type { Hosts } from './hosts.js';
import type { State } from './state.js';
import { combine, transact, when, write, type Fragment } from './transact.js';
import type { Waiting } from './waiting.js';
import { counted } from './wording.js';

/** As many of a network's addresses go with it in one transaction. Those that nobody holds go before it if there are more; each of these is a condition. */
const [mostErased, mostAtOnce] = [2000, 100];

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly marks: DeletionMarks;
  readonly hosts: Pick<Hosts, 'areShared' | 'isPresent'>;
  readonly waiting: Waiting;
  readonly host: string;
  /** How long the other hosts have to remove their Docker networks, in milliseconds. */
  readonly patienceMs: number;
  /** Docker's networks are to be compared with ours. */
  readonly doubtDocker: () => void;
}

/** Takes networks out of use, on every host, and then out of the store. */
export class NetworkRemoval {
  constructor(private readonly parts: Parts) {}

  /**
   * First marks the network, so that nothing new can use it, then looks who uses it, then has
   * Docker's removed on every host, and only then forgets the network. If anything is refused, the network stays.
   * @param removeHere called when nobody uses the network, and nobody can begin to
   */
  async retire(tenant: string, name: string, removeHere: () => Promise<void>): Promise<void> {
    const { marks, state, doubtDocker } = this.parts;
    state.requireNetwork(tenant, name);
    this.refuseIfUsed(tenant, name);
    try {
      await marks.during(keys.network(tenant, name), `network ${name}`, () => this.remove(tenant, name, removeHere));
    } catch (error) {
      doubtDocker();
      throw error;
    }
  }

  private async remove(tenant: string, name: string, removeHere: () => Promise<void>): Promise<void> {
    this.refuseIfUsed(tenant, name);
    await removeHere();
    await this.removedElsewhere(tenant, name);
    await this.thinOut(tenant, name);
    await transact(this.parts.store, () => {
      this.checkMark(tenant, name);
      return this.planErase(tenant, name);
    });
  }

  /** Who uses the network, and what to do about that; undefined if nobody does. */
  whyUsed(tenant: string, name: string): string | undefined {
    const { state } = this.parts;
    const services = state.services.of(tenant).filter((service) => service.network === name);
    if (services.length > 0) return `${counted(services.map((service) => service.name), 'service')} ${services.length === 1 ? 'has its address from it; delete it' : 'have their addresses from it; delete them'} first`;
    const endpoints = state.endpoints.of(tenant).filter((endpoint) => endpoint.network === name);
    if (endpoints.length === 0) return undefined;
    const places = endpoints.map(({ addresses, host }) => `${addresses.join(' ')}${host === this.parts.host ? '' : ` on host ${host}`}`);
    const away = [...new Set(endpoints.map(({ host }) => host))].filter((host) => !this.parts.hosts.isPresent(host)).sort();
    return `${counted(places, 'endpoint')} ${endpoints.length === 1 ? 'is attached to it; stop or disconnect its container' : 'are attached to it; stop or disconnect their containers'} first${wordsOnAway(away)}`;
  }

  /** Forgets resting addresses while there are more than can go with the network. Nobody misses them if it stays. */
  async thinOut(tenant: string, name: string): Promise<void> {
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

  /**
   * All that belongs to the network, and the network itself. On a host that is away its Docker network is still there, and stands for
   * nothing from now on: it goes when the host is back, also if there is another network of this name by then.
   */
  planErase(tenant: string, name: string): Fragment | undefined {
    const { state } = this.parts;
    const key = keys.network(tenant, name);
    const stored = state.networks.get(key);
    if (!stored) return undefined;
    const bindings = state.bindings.of(tenant).filter((binding) => binding.network === name);
    const erased = write(
      { key, delete: true },
      { key: keys.vni(stored.value.vni), delete: true },
      ...state.allocations.of(tenant, name).map(({ address }) => ({ key: keys.allocation(tenant, name, address), delete: true }) as const),
      ...bindings.map(({ host, dockerNetworkId }) => ({ key: keys.binding(host, dockerNetworkId), delete: true }) as const),
      ...bindings
        .filter((binding) => this.isElsewhere(binding))
        .map(({ host, dockerNetworkId }) => ({ key: keys.leftover(host, dockerNetworkId), put: encodeStored({ host, dockerNetworkId }) }) as const),
    );
    return combine(when({ key, is: 'at', revision: stored.revision }), erased);
  }

  /** The other hosts see the mark, and each removes its own. */
  private async removedElsewhere(tenant: string, name: string): Promise<void> {
    const { state, hosts, waiting, patienceMs } = this.parts;
    const standing = (): DockerBinding[] => state.bindings.of(tenant).filter((binding) => binding.network === name && this.isElsewhere(binding) && hosts.isPresent(binding.host));
    await waiting.until(() => standing().length === 0 || this.whyNot(tenant, name) !== undefined, patienceMs);
    this.checkMark(tenant, name);
    const late = standing().map(({ host }) => host);
    if (late.length === 0) return;
    throw unavailable(`network ${name} cannot be deleted: after ${patienceMs / 1000} s its Docker network is still on ${counted(late, 'host')}; see whether Docker answers there, and try again`);
  }

  private checkMark(tenant: string, name: string): void {
    const refusal = this.whyNot(tenant, name);
    if (refusal) throw refusal;
  }

  /** Why the deletion must not go on: another host cannot follow, or believed that this one is away. */
  private whyNot(tenant: string, name: string): NetctlError | undefined {
    const { marks, state } = this.parts;
    const key = keys.network(tenant, name);
    const refused = state.networks.get(key)?.value.deleting?.refused;
    if (refused) return inUse(`network ${name} cannot be deleted: host ${refused.host} cannot remove its Docker network, as ${refused.reason}`);
    if (marks.isOwn(key)) return undefined;
    return conflict(`network ${name} was not deleted: the other hosts did not hear of this one for a while, and took the deletion back; try again`);
  }

  private isElsewhere({ host }: DockerBinding): boolean {
    return this.parts.hosts.areShared && host !== this.parts.host;
  }

  private refuseIfUsed(tenant: string, name: string): void {
    const reason = this.whyUsed(tenant, name);
    if (reason !== undefined) throw inUse(`network ${name} cannot be deleted: ${reason}`);
  }
}

function wordsOnAway(hosts: readonly string[]): string {
  if (hosts.length === 0) return '';
  return `; ${counted(hosts, 'host')} ${hosts.length === 1 ? 'is' : 'are'} away: start ${hosts.length === 1 ? 'it' : 'them'} again, or remove ${hosts.length === 1 ? 'it' : 'them'} with "netctl host rm"`;
}
