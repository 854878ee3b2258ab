import { messageOf, unavailable } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { DockerBinding, Leftover, Network } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { DockerEngine, DockerNetwork } from '../docker/port.js';
import type { Store } from '../store/port.js';
import type { DeletionMarks } from './deletion-marks.js';
import type { Logger } from './logger.js';
import { standsFor, type Networks } from './networks.js';
import type { State } from './state.js';
import { combine, transact, when, write } from './transact.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly docker: DockerEngine;
  readonly networks: Networks;
  readonly marks: DeletionMarks;
  readonly host: string;
  readonly log: Logger;
}

type NetworkName = Pick<Network, 'tenant' | 'name'>;

/**
 * Makes Docker's networks agree with netctl's, after anything may have come between them: a crash
 * while one was made, a Docker that lost its state, a `docker network rm` of a network in use.
 */
export class DockerNetworks {
  constructor(private readonly parts: Parts) {}

  /** Rejects with what could not be done; everything else is done. */
  async reconcile(): Promise<void> {
    const { docker, state } = this.parts;
    await this.followDeletions();
    const networks = state.networks.values().filter(({ deleting }) => !deleting);
    const listed = await docker.listNetworks();
    const failures = await failuresOf(this.leftovers().map((leftover) => this.clear(leftover)));
    const present = listed.filter((network) => !this.isLeftover(network));
    this.reportStrangers(present);
    const suspects = networks.filter((network) => !this.agrees(network, present));
    failures.push(...(await failuresOf(suspects.map((network) => this.settle(network)))));
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
  }

  /** Removes Docker's networks of those that another host is deleting; it waits for that, or is told why it cannot be. */
  async followDeletions(): Promise<void> {
    const { state } = this.parts;
    await Promise.all(state.networks.values().map((network) => this.follow(network)));
  }

  private async follow({ tenant, name }: NetworkName): Promise<void> {
    const { docker, networks, marks, log } = this.parts;
    const key = keys.network(tenant, name);
    if (marks.byOther(key) === undefined) return;
    await networks.ifIdle({ tenant, name }, async () => {
      const binding = this.bindingOf({ tenant, name });
      if (!binding || marks.byOther(key) === undefined) return;
      try {
        await docker.removeNetwork(binding.dockerNetworkId);
        await this.unbind(binding);
      } catch (error) {
        log.warn({ event: 'deletion-refused', tenant, network: name, err: error }, 'another host deletes a network whose Docker network cannot be removed here');
        await marks.refuse(key, messageOf(error));
      }
    });
  }

  private leftovers(): Leftover[] {
    return this.parts.state.leftovers.of(this.parts.host);
  }

  private isLeftover({ id }: DockerNetwork): boolean {
    return this.leftovers().some(({ dockerNetworkId }) => dockerNetworkId === id);
  }

  /** While this host was away the network was deleted; there may be another one of its name. */
  private async clear({ host, dockerNetworkId }: Leftover): Promise<void> {
    const { docker, store, log } = this.parts;
    await docker.removeNetwork(dockerNetworkId);
    await transact(store, () => write({ key: keys.leftover(host, dockerNetworkId), delete: true }));
    log.info({ event: 'docker-network-cleared', dockerNetworkId }, 'removed the Docker network of a network that was deleted while this host was away');
  }

  private agrees(network: Network, present: readonly DockerNetwork[]): boolean {
    const binding = this.bindingOf(network);
    return binding !== undefined && present.some(({ id }) => id === binding.dockerNetworkId);
  }

  /** With nobody else at work on the network; who is at work on it sees to Docker's as well. What was seen before is looked at again. */
  private async settle({ tenant, name }: NetworkName): Promise<void> {
    const { docker, state, networks } = this.parts;
    await this.followRemoval({ tenant, name });
    await networks.ifIdle({ tenant, name }, async () => {
      const network = state.networks.get(keys.network(tenant, name));
      if (!network || network.value.deleting) return;
      const listed = await docker.listNetworks();
      const present = networks.lasting(listed).filter((candidate) => !this.isLeftover(candidate));
      if (this.agrees(network.value, present)) return;
      await this.forgetBinding(network.value);
      const twin = present.find((candidate) => standsFor(candidate, network.value));
      if (!twin && listed.length > present.length) throw unavailable(`Docker is still removing a network; ${name} is made again when it is gone`);
      await (twin ? this.adopt(network.value, twin) : this.create(network.value));
    });
  }

  /**
   * What Docker made by itself is Docker's to remove. It does not wait for us: when netctld is killed in the middle of `docker network rm`, Docker repeats its
   * call with an empty body, and goes on without an answer.
   */
  private async followRemoval({ tenant, name }: NetworkName): Promise<void> {
    const { docker, state, networks, host, log } = this.parts;
    const binding = state.bindingOf(host, tenant, name);
    const isElsewhere = state.bindings.of(tenant).some((other) => other.network === name && other.host !== host);
    // Of a network with Docker's own IPAM nobody knows which host's Docker made it; it stays while another one has it.
    const isDockers =
      (!isElsewhere && state.networks.get(keys.network(tenant, name))?.value.addressesBy === 'docker') ||
      state.pools.of(host).some(({ dockerNetworkId }) => dockerNetworkId === binding?.dockerNetworkId);
    if (!binding || !isDockers || (await docker.listNetworks()).some(({ id }) => id === binding.dockerNetworkId)) return;
    log.warn({ event: 'docker-network-removed', ...binding }, 'Docker removed a network that it had made, and could not say so');
    await networks.deletedInDocker(binding.dockerNetworkId);
  }

  private async forgetBinding(network: Network): Promise<void> {
    const { log } = this.parts;
    const binding = this.bindingOf(network);
    if (!binding) return;
    log.warn({ event: 'docker-network-lost', ...binding }, 'Docker no longer has this network; it is made again');
    await this.unbind(binding);
  }

  private async unbind({ host, dockerNetworkId }: DockerBinding): Promise<void> {
    const { store, state } = this.parts;
    const key = keys.binding(host, dockerNetworkId);
    await transact(store, () => (state.bindings.get(key) ? write({ key, delete: true }) : undefined));
  }

  private async adopt({ tenant, name }: Network, { id: dockerNetworkId }: DockerNetwork): Promise<void> {
    const { store, state, host, log } = this.parts;
    const key = keys.binding(host, dockerNetworkId);
    const adopted = await transact(store, () => {
      const network = state.networks.get(keys.network(tenant, name));
      if (!network || network.value.deleting) return undefined;
      const put = encodeStored({ host, dockerNetworkId, tenant, network: name });
      return combine(when({ key: keys.network(tenant, name), is: 'at', revision: network.revision }), write({ key, put }));
    });
    if (adopted) log.info({ event: 'docker-network-adopted', dockerNetworkId, tenant, network: name }, 'found the Docker network of a network that had none');
  }

  private async create(network: Network): Promise<void> {
    await this.parts.networks.createInDocker(network);
    this.parts.log.info({ event: 'docker-network-made', tenant: network.tenant, network: network.name }, 'made the Docker network of a network that had none');
  }

  private reportStrangers(present: readonly DockerNetwork[]): void {
    const { state, log, host } = this.parts;
    for (const { id, name, options } of present) {
      const byUser = state.bindings.get(keys.binding(host, id)) ?? state.unnamed.get(keys.unnamedNetwork(host, id));
      const known = byUser ?? state.networks.get(keys.network(options['tenant'] ?? '', options['network'] ?? ''));
      if (!known) log.warn({ event: 'docker-network-unknown', dockerNetworkId: id, name }, 'Docker has a network of ours that netctl does not know; remove it with "docker network rm"');
    }
  }

  private bindingOf({ tenant, name }: NetworkName): ReturnType<State['bindingOf']> {
    return this.parts.state.bindingOf(this.parts.host, tenant, name);
  }
}

async function failuresOf(works: readonly Promise<void>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(works);
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
}
