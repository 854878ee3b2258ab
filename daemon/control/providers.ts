import type { Container } from '../../src/model/container.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { keys } from '../../src/model/keys.js';
import { dockerNetworkName } from '../../src/model/names.js';
import type { DockerBinding, Network } from '../../src/model/network.js';
import type { Service } from '../../src/model/service.js';
import { chooseProvider, type ProviderChoice } from '../../src/selectors/provider.js';
import type { Containers } from './containers.js';
import type { State } from './state.js';

/** A container of a tenant, with its endpoints there. */
export interface Member {
  readonly container: Container;
  readonly endpoints: readonly Endpoint[];
}

/** The containers and networks of one tenant, gathered once for many services. */
export interface Membership {
  readonly members: readonly Member[];
  readonly networks: ReadonlyMap<string, Network>;
  /** The members that have a label with this value, by {@link labelKey}. */
  readonly byLabel: ReadonlyMap<string, readonly Member[]>;
}

/** Says of every container of a tenant whether it is a provider of a service, and why. */
export class Providers {
  constructor(
    private readonly state: State,
    private readonly containers: Containers,
    private readonly host: string,
  ) {}

  /** A container is the tenant's if it is attached, or would be when it runs, to one of the tenant's networks. */
  membership(tenant: string): Membership {
    const networks = new Map(this.state.networks.of(tenant).map((network) => [network.name, network]));
    const members = this.containers.values().flatMap((container) => {
      const endpoints = this.endpointsIn(tenant, container);
      return endpoints.length > 0 || this.isAttached(tenant, container) ? [{ container, endpoints }] : [];
    });
    return { members, networks, byLabel: indexByLabel(members) };
  }

  /** Every container of the tenant, and why it is or is not a provider. */
  choose(service: Service, { members, networks }: Membership): { member: Member; choice: ProviderChoice }[] {
    return members.map((member) => ({ member, choice: chooseProvider(service, member.container, member.endpoints, networks) }));
  }

  /**
   * The same of those containers only that can be providers at all: with a term `key=value` in the
   * selector these are the ones that have this label, whatever else there is on the host.
   */
  candidates(service: Service, { members, networks, byLabel }: Membership): ProviderChoice[] {
    const exact = service.selectors.find((term) => term.operator === '=');
    const possible = exact?.operator === '=' ? (byLabel.get(labelKey(exact.key, exact.value)) ?? []) : members;
    return possible.map((member) => chooseProvider(service, member.container, member.endpoints, networks));
  }

  /** The endpoints that get the service's new connections, in the order of their addresses. */
  of(service: Service, membership: Membership): Endpoint[] {
    return this.candidates(service, membership)
      .flatMap((choice) => (choice.provider ? [choice.endpoint] : []))
      .sort(byAddress);
  }

  private endpointsIn(tenant: string, container: Container): Endpoint[] {
    return container.attachments.flatMap(({ endpointId }) => {
      const endpoint = this.state.endpoints.get(keys.endpoint(endpointId))?.value;
      return endpoint?.tenant === tenant ? [endpoint] : [];
    });
  }

  private isAttached(tenant: string, container: Container): boolean {
    return container.attachments.some(({ networkId, networkName }) =>
      networkId === ''
        ? this.state.bindings.of(tenant).some((binding) => isCalled(binding, networkName))
        : this.state.bindings.get(keys.binding(this.host, networkId))?.value.tenant === tenant,
    );
  }
}

export function byAddress(a: Endpoint, b: Endpoint): number {
  const [first, other] = [a.addresses[0], b.addresses[0]];
  return first && other ? first.compare(other) : 0;
}

/** The endpoint to which open connections live on: it gets new ones, or drains. */
export function answeringEndpoint(choice: ProviderChoice): Endpoint[] {
  return choice.endpoint && (choice.provider || choice.draining) ? [choice.endpoint] : [];
}

/** Of a container that was never started Docker says only what the user wrote: the network's name, or the beginning of its id. */
function isCalled({ tenant, network, dockerNetworkId }: DockerBinding, text: string): boolean {
  return dockerNetworkName(tenant, network) === text || (text.length >= 12 && dockerNetworkId.startsWith(text));
}

function indexByLabel(members: readonly Member[]): Map<string, Member[]> {
  const index = new Map<string, Member[]>();
  for (const member of members) {
    for (const [key, value] of Object.entries(member.container.labels)) {
      const label = labelKey(key, value);
      const sharing = index.get(label);
      if (sharing) sharing.push(member);
      else index.set(label, [member]);
    }
  }
  return index;
}

/** A label's key holds no "=", so that no two labels have one text. */
function labelKey(key: string, value: string): string {
  return `${key}=${value}`;
}
