import { exchanged } from '../../src/lists/places.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { EventSubject } from '../../src/model/event.js';
import type { AllContainers } from './all-containers.js';
import type { Containers } from './containers.js';
import type { Events, Happening } from './events.js';
import type { Candidacy } from './providers.js';
import type { ObjectChange, State } from './state.js';

/** What one service's providers were when the kernel last learnt of them. */
interface Served {
  readonly candidacy: Candidacy;
  /** Endpoint id -> how it is called. */
  readonly providers: ReadonlyMap<string, string>;
}

/** Writes down, as events, what happens to objects. Nothing is decided from it. */
export class Chronicle {
  /** By tenant: what was balanced last, and there by service. */
  private readonly served = new Map<string, { readonly candidacies: readonly Candidacy[]; readonly served: Map<string, Served> }>();
  /** The tenants whose router fails, and with which sentence. */
  private readonly failing = new Map<string, string>();

  constructor(
    private readonly events: Events,
    private readonly containers: Containers,
    private readonly allContainers: Pick<AllContainers, 'ofEndpoint'>,
    private readonly host: string,
  ) {}

  follow(state: State): void {
    state.onObjectChange((change) => this.objectChanged(change));
    this.containers.onConnected(() => this.tell({ kind: 'host', name: this.host }, 'normal', 'DockerConnected', 'Docker answers; its containers are known'));
    this.containers.onDisconnected((reason) =>
      this.tell({ kind: 'host', name: this.host }, 'warning', 'DockerLost', `Docker does not answer (${reason}): what is known of its containers stays in force`),
    );
  }

  /**
   * The kernel balances these services over those who are chosen now. The first time that a tenant is
   * looked at nothing is told: its providers were there before netctld was.
   */
  balanced(tenant: string, candidacies: readonly Candidacy[]): void {
    const before = this.served.get(tenant);
    const served = before?.served ?? new Map<string, Served>();
    const { gone, come } = exchanged(before?.candidacies ?? [], candidacies);
    const stay = new Set(come.map(({ service }) => service.name));
    for (const { service } of gone) if (!stay.has(service.name)) served.delete(service.name);
    for (const candidacy of come) {
      const { name } = candidacy.service;
      const after = this.servedBy(candidacy);
      if (before) this.compare({ kind: 'service', tenant, name }, served.get(name)?.providers ?? new Map(), after);
      served.set(name, after);
    }
    this.served.set(tenant, { candidacies, served });
  }

  /** @param error why the router does not hold what is desired; undefined: it does. */
  routerPassed(tenant: string, error: string | undefined): void {
    const before = this.failing.get(tenant);
    if (error !== undefined) {
      this.failing.set(tenant, error);
      this.tell({ kind: 'tenant', name: tenant, tenant }, 'warning', 'RouterFailed', error);
    } else if (before !== undefined) {
      this.failing.delete(tenant);
      this.tell({ kind: 'tenant', name: tenant, tenant }, 'normal', 'RouterRecovered', 'the router holds what is desired again');
    }
  }

  routerRepaired(tenant: string, differences: number): void {
    this.tell({ kind: 'tenant', name: tenant, tenant }, 'warning', 'RouterRepaired', `somebody else had changed the router in ${differences} ${differences === 1 ? 'place' : 'places'}; it is repaired`);
  }

  hostRepaired(differences: number): void {
    this.tell({ kind: 'host', name: this.host }, 'warning', 'HostRepaired', `somebody else had changed netctl's part of the host's own network in ${differences} ${differences === 1 ? 'place' : 'places'}; it is repaired`);
  }

  hostCame(name: string): void {
    this.tell({ kind: 'host', name }, 'normal', 'HostReady', `host ${name} is there: its containers can be providers`);
  }

  hostWent(name: string): void {
    this.tell({ kind: 'host', name }, 'warning', 'HostAway', `nothing is heard of host ${name}: its containers get no new connections until it is back`);
  }

  hostRemoved(name: string): void {
    const own = 'somebody removed this host while nothing was heard of it: it is one of them again, but its containers may have lost their addresses';
    this.tell({ kind: 'host', name }, 'warning', 'HostRemoved', name === this.host ? own : `host ${name} is removed; what it held is free`);
  }

  /** @param reason why a port of the host that is published is not held for the endpoint. */
  portLost({ tenant, id }: Endpoint, reason: string): void {
    this.tell({ kind: 'endpoint', tenant, name: id }, 'warning', 'PortLost', reason);
  }

  forget(tenant: string): void {
    this.served.delete(tenant);
    this.failing.delete(tenant);
  }

  private servedBy(candidacy: Candidacy): Served {
    return { candidacy, providers: new Map(candidacy.choices.flatMap((choice) => (choice.provider ? [[choice.endpoint.id, this.nameOf(choice.endpoint)] as const] : []))) };
  }

  private compare(subject: EventSubject, before: Served['providers'], { candidacy, providers: after }: Served): void {
    for (const [id, provider] of after) if (!before.has(id)) this.tell(subject, 'normal', 'ProviderAdded', `${provider} gets new connections`);
    for (const [id, provider] of before) {
      if (after.has(id)) continue;
      const reason = candidacy.choices.find(({ endpoint }) => endpoint?.id === id)?.reason ?? 'it is gone';
      this.tell(subject, 'normal', 'ProviderRemoved', `${provider} gets no new connections: ${reason}`);
    }
    if (before.size > 0 && after.size === 0) this.tell(subject, 'warning', 'NoProviders', 'no provider is left: connections are refused');
  }

  private objectChanged({ kind, before, after }: ObjectChange): void {
    const value = after ?? before;
    if (!value) return;
    const subject = subjectOf(kind, value);
    if (!before) this.tell(subject, 'normal', 'Created', created(kind, value));
    else if (!after) this.tell(subject, 'normal', 'Deleted', deleted(subject));
    else this.tellUpdate(subject, before, after);
  }

  private tellUpdate(subject: EventSubject, before: Named, after: Named): void {
    if (subject.kind === 'endpoint') return this.tellAttachment(subject, before, after);
    if (before.deleting || after.deleting) return;
    const changed = Object.keys({ ...before, ...after }).filter((field) => JSON.stringify(before[field as keyof Named]) !== JSON.stringify(after[field as keyof Named]));
    const words = changed.map((field) => wordsOf[field] ?? field);
    if (words.length > 0) this.tell(subject, 'normal', 'Updated', `${words.join(', ')} of ${subject.kind} ${subject.name} changed`);
  }

  private tellAttachment(subject: EventSubject, before: Named, after: Named): void {
    if (before.sandboxKey === after.sandboxKey) return;
    const attached = after.sandboxKey !== undefined;
    this.tell(subject, 'normal', attached ? 'Attached' : 'Detached', attached ? 'the container is attached to the network' : 'the container is detached from the network');
  }

  private nameOf({ id, addresses, host }: Endpoint): string {
    const container = this.allContainers.ofEndpoint(id)?.name;
    const place = host === this.host ? '' : ` on host ${host}`;
    return `${container === undefined ? 'an endpoint' : `container ${container}`}${place} (${addresses.join(', ')})`;
  }

  private tell(subject: EventSubject, type: Happening['type'], reason: string, message: string): void {
    this.events.record({ ...subject, type, reason, message });
  }
}

/** What the chronicle reads of an object, whichever kind it is. */
interface Named {
  readonly name?: string;
  readonly id?: string;
  readonly tenant?: string;
  readonly network?: string;
  readonly addresses?: Endpoint['addresses'];
  readonly sandboxKey?: string;
  readonly deleting?: object;
}

function subjectOf(kind: ObjectChange['kind'], value: Named): EventSubject {
  const name = value.name ?? value.id ?? '';
  return { kind, tenant: value.tenant ?? name, name };
}

/** Fields whose names are no words for a person. */
const wordsOf: Readonly<Record<string, string>> = { drained: 'drained containers', hostAccess: 'host access' };

function deleted({ kind, name }: EventSubject): string {
  return `${kind} ${kind === 'endpoint' ? name.slice(0, 12) : name} is deleted`;
}

function created(kind: ObjectChange['kind'], { name, id, network, addresses }: Named): string {
  const holding = addresses && addresses.length > 0 ? ` with ${addresses.join(', ')}` : '';
  return kind === 'endpoint' ? `endpoint ${(id ?? '').slice(0, 12)} is made on network ${network ?? ''}${holding}` : `${kind} ${name ?? ''} is created${holding}`;
}
