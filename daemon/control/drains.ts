import type { Container, HostContainer } from '../../src/model/container.js';
import { conflict, unavailable } from '../../src/model/errors.js';
import type { Service } from '../../src/model/service.js';
import { explain } from '../../src/selectors/explain.js';
import { findContainer } from '../../src/selectors/find.js';
import type { AllContainers } from './all-containers.js';
import type { Containers } from './containers.js';
import type { Hosts } from './hosts.js';
import type { Logger } from './logger.js';
import type { DrainAnswer } from './operations.js';
import type { Providers } from './providers.js';
import type { Services } from './services.js';
import type { State } from './state.js';

interface Parts {
  readonly state: State;
  readonly services: Services;
  readonly containers: Containers;
  readonly allContainers: AllContainers;
  readonly hosts: Pick<Hosts, 'areAllPresent'>;
  readonly providers: Providers;
  readonly log: Logger;
}

/** Users take containers out of services, and back. Containers are meant as `docker` takes them: by name, or the beginning of an id. */
export class Drains {
  constructor(private readonly parts: Parts) {}

  /** @throws NetctlError if nothing would come of it: the container is none of the service's, now or when it runs. */
  async drain(tenant: string, name: string, text: string): Promise<DrainAnswer> {
    const { containers, allContainers, services, state } = this.parts;
    const { value: service } = state.requireService(tenant, name);
    if (!containers.areKnown) throw unavailable('Docker has not told of its containers yet: try again when it answers');
    const container = findContainer(text, allContainers.values().map(named));
    this.refuseStrangers(service, container);
    return { service, container, changed: await services.setDrained(tenant, name, container.id, true) };
  }

  /** A container that Docker no longer has is found, too, as long as the service remembers it. */
  async undrain(tenant: string, name: string, text: string): Promise<DrainAnswer> {
    const { allContainers, services, state } = this.parts;
    const { value: service } = state.requireService(tenant, name);
    const known = allContainers.values().map(named);
    const forgotten = service.drained.filter((id) => !allContainers.has(id)).map((id) => ({ id, name: '' }));
    const container = findContainer(text, [...known, ...forgotten]);
    return { service, container, changed: await services.setDrained(tenant, name, container.id, false) };
  }

  /** Only while Docker answers and every host is there: what none of them knows then is gone for good, since ids never come again. */
  async forgetGone(): Promise<void> {
    const { containers, allContainers, hosts, services, state, log } = this.parts;
    if (!containers.areCurrent || !hosts.areAllPresent) return;
    for (const { tenant, name, drained } of state.services.values()) {
      for (const container of drained.filter((id) => !allContainers.has(id))) {
        log.info({ event: 'drain-forgotten', tenant, service: name, container }, 'Docker no longer has a container that was drained; it is forgotten');
        await services.setDrained(tenant, name, container, false);
      }
    }
  }

  private refuseStrangers(service: Service, container: Container): void {
    const { members } = this.parts.providers.membership(service.tenant);
    const isMember = members.some((member) => member.container.id === container.id);
    const reason = isMember ? explain(service.selectors, container.labels) : `is not attached to a network of tenant ${service.tenant}`;
    if (reason === undefined) return;
    const whose = isMember ? 'its ' : 'it ';
    throw conflict(`container ${container.name} cannot be drained, since service ${service.name} does not select it: ${whose}${reason}`);
  }
}

function named({ host, container }: HostContainer): Container & { readonly host: string } {
  return { ...container, host };
}
