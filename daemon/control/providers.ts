import type { Container } from '../../src/model/container.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { keys } from '../../src/model/keys.js';
import type { Network } from '../../src/model/network.js';
import type { Service } from '../../src/model/service.js';
import { chooseEndpoint, chooseProvider, type ProviderChoice } from '../../src/selectors/provider.js';
import type { AllContainers } from './all-containers.js';
import { bindingFor } from './attachments.js';
import type { Encryption } from './encryption.js';
import type { Hosts } from './hosts.js';
import type { State } from './state.js';

/** A container of a tenant, with its endpoints there. */
export interface Member {
  readonly container: Container;
  /** The name of the host it is on. */
  readonly host: string;
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
    private readonly containers: AllContainers,
    private readonly hosts: Pick<Hosts, 'whyAway'>,
    private readonly encryption?: Pick<Encryption, 'whyUnconnected'>,
  ) {}

  /** A container is the tenant's if it is attached, or would be when it runs, to one of the tenant's networks. */
  membership(tenant: string): Membership {
    const networks = new Map(this.state.networks.of(tenant).map((network) => [network.name, network]));
    const members = this.containers.values().flatMap(({ host, container }) => {
      const endpoints = this.endpointsIn(tenant, container);
      return endpoints.length > 0 || this.isAttached(tenant, host, container) ? [{ container, host, endpoints }] : [];
    });
    return { members, networks, byLabel: indexByLabel(members) };
  }

  /** Every container of the tenant, and why it is or is not a provider. */
  choose(service: Service, { members, networks }: Membership): { member: Member; choice: ProviderChoice }[] {
    return members.map((member) => ({ member, choice: this.choice(service, member, networks) }));
  }

  /**
   * The same of those containers only that can be providers at all: with a term `key=value` in the
   * selector these are the ones that have this label, whatever else there is on the hosts.
   */
  candidates(service: Service, { members, networks, byLabel }: Membership): ProviderChoice[] {
    const exact = service.selectors.find((term) => term.operator === '=');
    const possible = exact?.operator === '=' ? (byLabel.get(labelKey(exact.key, exact.value)) ?? []) : members;
    return possible.map((member) => this.choice(service, member, networks));
  }

  /** The endpoints that get the service's new connections, in the order of their addresses. */
  of(service: Service, membership: Membership): Endpoint[] {
    return this.candidates(service, membership)
      .flatMap((choice) => (choice.provider ? [choice.endpoint] : []))
      .sort(byAddress);
  }

  private choice(service: Service, { container, host, endpoints }: Member, networks: ReadonlyMap<string, Network>): ProviderChoice {
    return chooseProvider(service, container, endpoints, networks, this.hosts.whyAway(host) ?? this.whyUnconnected(host, chooseEndpoint(service, endpoints), networks));
  }

  private whyUnconnected(host: string, endpoint: Endpoint | undefined, networks: ReadonlyMap<string, Network>): string | undefined {
    const reason = endpoint && networks.get(endpoint.network)?.encrypted ? this.encryption?.whyUnconnected(host) : undefined;
    return reason === undefined ? undefined : `its host ${host} is not ready: ${reason}`;
  }

  private endpointsIn(tenant: string, container: Container): Endpoint[] {
    return container.attachments.flatMap(({ endpointId }) => {
      const endpoint = this.state.endpoints.get(keys.endpoint(endpointId))?.value;
      return endpoint?.tenant === tenant ? [endpoint] : [];
    });
  }

  private isAttached(tenant: string, host: string, container: Container): boolean {
    return container.attachments.some((attachment) => bindingFor(this.state, host, attachment)?.tenant === tenant);
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
