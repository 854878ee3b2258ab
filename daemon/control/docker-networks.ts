import { keys } from '../../src/model/keys.js';
import type { Network } from '../../src/model/network.js';
import { encodeStored } from '../../src/model/stored.js';
import type { DockerEngine, DockerNetwork } from '../docker/port.js';
import type { Store } from '../store/port.js';
import type { Logger } from './logger.js';
import { standsFor, type Networks } from './networks.js';
import type { State } from './state.js';
import { transact, write } from './transact.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly docker: DockerEngine;
  readonly networks: Networks;
  readonly host: string;
  readonly log: Logger;
}

/**
 * Makes Docker's networks agree with netctl's, after anything may have come between them: a crash
 * while one was made, a Docker that lost its state, a `docker network rm` of a network in use.
 */
export class DockerNetworks {
  constructor(private readonly parts: Parts) {}

  /** Rejects if Docker does not answer; what could be done is done. */
  async reconcile(): Promise<void> {
    const { docker, state, networks } = this.parts;
    const present = await docker.listNetworks();
    await this.forgetLost(present);
    this.reportStrangers(present);
    for (const network of state.networks.values()) {
      if (network.deleting || networks.isBusy(network) || this.isBound(network)) continue;
      await this.adoptOrCreate(network, present);
    }
  }

  private async forgetLost(present: readonly DockerNetwork[]): Promise<void> {
    const { store, state, host, log } = this.parts;
    const ids = new Set(present.map((network) => network.id));
    for (const binding of state.bindings.values()) {
      if (binding.host !== host || ids.has(binding.dockerNetworkId)) continue;
      log.warn({ event: 'docker-network-lost', ...binding }, 'Docker no longer has this network; it is made again');
      await transact(store, () => write({ key: keys.binding(host, binding.dockerNetworkId), delete: true }));
    }
  }

  private async adoptOrCreate(network: Network, present: readonly DockerNetwork[]): Promise<void> {
    const { store, host, networks, log } = this.parts;
    const twin = present.find((candidate) => standsFor(candidate, network));
    const ids = { tenant: network.tenant, network: network.name };
    if (!twin) {
      await networks.createInDocker(network, false);
      log.info({ event: 'docker-network-made', ...ids }, 'made the Docker network of a network that had none');
      return;
    }
    await transact(store, () => write({ key: keys.binding(host, twin.id), put: encodeStored({ host, dockerNetworkId: twin.id, ...ids }) }));
    log.info({ event: 'docker-network-adopted', dockerNetworkId: twin.id, ...ids }, 'found the Docker network of a network that had none');
  }

  private reportStrangers(present: readonly DockerNetwork[]): void {
    const { state, log } = this.parts;
    for (const { id, name, options } of present) {
      const known = state.networks.get(keys.network(options['tenant'] ?? '', options['network'] ?? ''));
      if (!known) log.warn({ event: 'docker-network-unknown', dockerNetworkId: id, name }, 'Docker has a network of ours that netctl does not know; remove it with "docker network rm"');
    }
  }

  private isBound(network: Network): boolean {
    return this.parts.state.bindingOf(this.parts.host, network.tenant, network.name) !== undefined;
  }
}
