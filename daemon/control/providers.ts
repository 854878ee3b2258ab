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
import { sameItems } from './same-items.js';
import type { State } from './state.js';

/** A container of a tenant, with its endpoints there. */
export interface Member {
  readonly container: Container;
  /** The name of the host it is on. */
  readonly host: string;
  readonly endpoints: readonly Endpoint[];
}

/**
 * The containers and networks of one tenant, gathered once for many services. What has not changed since they were gathered the
 * last time is the same object.
 */
export interface Membership {
  readonly members: readonly Member[];
  /** The members that have a label with this value, by {@link labelKey}. */
  readonly byLabel: ReadonlyMap<string, readonly Member[]>;
  readonly setting: Setting;
}

/** All that a choice depends on besides the service and the containers. */
interface Setting {
  readonly networks: ReadonlyMap<string, Network>;
  /** By the name of the host, as one text each. */
  readonly hosts: ReadonlyMap<string, string>;
}

/** Who may be a provider of a service, and whether he is: the same object as long as nothing changes in it. */
export interface Candidacy {
  readonly service: Service;
  readonly choices: readonly ProviderChoice[];
}

/** Who may be a provider of the services that ask for something, by {@link textOfAsked}. */
export type Judged = Map<string, readonly ProviderChoice[]>;

const nobody: readonly Member[] = [];

/** Says of every container of a tenant whether it is a provider of a service, and why. */
export class Providers {
  /** By tenant, as it was gathered last. */
  private readonly gathered = new Map<string, Membership>();
  /** What was found last for a service, and from what. */
  private readonly found = new WeakMap<Service, { readonly possible: readonly Member[]; readonly setting: Setting; readonly candidacy: Candidacy }>();

  constructor(
    private readonly state: State,
    private readonly containers: Pick<AllContainers, 'values'>,
    private readonly hosts: Pick<Hosts, 'whyAway' | 'isPresent'>,
    private readonly encryption?: Pick<Encryption, 'whyUnconnected'>,
  ) {}

  /** A container is the tenant's if it is attached, or would be when it runs, to one of the tenant's networks. */
  membership(tenant: string): Membership {
    const before = this.gathered.get(tenant);
    const known = new Map(before?.members.map((member) => [member.container, member]));
    const found = this.containers.values().flatMap(({ host, container }): Member[] => {
      const endpoints = this.endpointsIn(tenant, container);
      if (endpoints.length === 0 && !this.isAttached(tenant, host, container)) return [];
      const same = known.get(container);
      return [same?.host === host && sameItems(same.endpoints, endpoints) ? same : { container, host, endpoints }];
    });
    const members = before && sameItems(before.members, found) ? before.members : found;
    const byLabel = before?.members === members ? before.byLabel : indexByLabel(members, before?.byLabel);
    const membership = { members, byLabel, setting: this.setting(tenant, members, before?.setting) };
    if (membership.setting.networks.size > 0) this.gathered.set(tenant, membership);
    else this.gathered.delete(tenant);
    return membership;
  }

  /** Every container of the tenant, and why it is or is not a provider. */
  choose(service: Service, { members, setting }: Membership): { member: Member; choice: ProviderChoice }[] {
    return members.map((member) => ({ member, choice: this.choice(service, member, setting.networks) }));
  }

  /**
   * The same of those containers only that can be providers at all: with a term `key=value` in the
   * selector these are the ones that have this label, whatever else there is on the hosts.
   * @param judged what was found with the same membership; of services that ask for the same it is the same list.
   */
  candidacy(service: Service, { members, setting, byLabel }: Membership, judged: Judged = new Map()): Candidacy {
    const label = labelAsked(service);
    const possible = label === undefined ? members : (byLabel.get(label) ?? nobody);
    const last = this.found.get(service);
    if (last?.possible === possible && last.setting === setting) return last.candidacy;
    const asked = textOfAsked(service);
    const choices = judged.get(asked) ?? possible.map((member) => this.choice(service, member, setting.networks));
    judged.set(asked, choices);
    const candidacy = { service, choices };
    this.found.set(service, { possible, setting, candidacy });
    return candidacy;
  }

  candidates(service: Service, membership: Membership): readonly ProviderChoice[] {
    return this.candidacy(service, membership).choices;
  }

  private setting(tenant: string, members: readonly Member[], before: Setting | undefined): Setting {
    const list = this.state.networks.of(tenant);
    const networks = before && sameItems([...before.networks.values()], list) ? before.networks : new Map(list.map((network) => [network.name, network]));
    const names = new Set(members.map(({ host }) => host));
    const hosts = new Map([...names].map((name) => [name, `${this.hosts.isPresent(name)}\n${this.hosts.whyAway(name) ?? ''}\n${this.encryption?.whyUnconnected(name) ?? ''}`]));
    const unchanged = before?.networks === networks && before.hosts.size === hosts.size && [...hosts].every(([name, text]) => before.hosts.get(name) === text);
    return unchanged ? before : { networks, hosts };
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

function indexByLabel(members: readonly Member[], before: Membership['byLabel'] | undefined): Map<string, readonly Member[]> {
  const index = new Map<string, Member[]>();
  for (const member of members) {
    for (const label of labelsOf(member)) {
      const sharing = index.get(label);
      if (sharing) sharing.push(member);
      else index.set(label, [member]);
    }
  }
  return new Map([...index].map(([label, sharing]) => [label, sameList(before?.get(label), sharing)]));
}

/** The one from before, if it has the same items. */
function sameList<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  return before && sameItems(before, now) ? before : now;
}

/** All of a service that says who its providers are: services of which it is the same have the same ones. */
function textOfAsked({ tenant, network, selectors, weights, drained, addresses }: Service): string {
  return JSON.stringify([tenant, network, selectors, weights, drained, addresses.map(({ family }) => family)]);
}

/** The label, by {@link labelKey}, without which nobody can be a provider of the service; undefined: there is none. */
export function labelAsked({ selectors }: Service): string | undefined {
  const exact = selectors.find((term) => term.operator === '=');
  return exact?.operator === '=' ? labelKey(exact.key, exact.value) : undefined;
}

/** All labels that the container has, by {@link labelKey}. */
export function labelsOf({ container }: Member): string[] {
  return Object.entries(container.labels).map(([key, value]) => labelKey(key, value));
}

/** A label's key holds no "=", so that no two labels have one text. */
function labelKey(key: string, value: string): string {
  return `${key}=${value}`;
}
