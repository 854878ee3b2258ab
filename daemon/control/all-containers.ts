import type { Container, HostContainer } from '../../src/model/container.js';
import { keys } from '../../src/model/keys.js';
import type { Containers } from './containers.js';
import type { State } from './state.js';

/** The containers of this host, as its Docker tells of them, and those of the other hosts, as these do. */
export class AllContainers {
  constructor(
    private readonly state: State,
    private readonly own: Containers,
    private readonly host: string,
  ) {}

  values(): HostContainer[] {
    const { host } = this;
    return [...this.own.values().map((container) => ({ host, container })), ...this.elsewhere()];
  }

  has(id: string): boolean {
    return this.own.has(id) || this.elsewhere().some(({ container }) => container.id === id);
  }

  /** The container that an endpoint belongs to, as far as its host has said so. */
  ofEndpoint(endpointId: string): Container | undefined {
    const { endpoints, hostContainers } = this.state;
    const isOwn = (endpoints.get(keys.endpoint(endpointId))?.value.host ?? this.host) === this.host;
    return isOwn ? this.own.ofEndpoint(endpointId) : hostContainers.ofEndpoint(endpointId)?.container;
  }

  private elsewhere(): HostContainer[] {
    return this.state.hostContainers.values().filter(({ host }) => host !== this.host);
  }
}
