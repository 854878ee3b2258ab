import type { Finding } from '../../src/checkup/finding.js';
import { judgeHosts, type HostSeen } from '../../src/checkup/hosts.js';
import { messageOf } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { Store } from '../store/port.js';
import { bindingFor } from './attachments.js';
import type { Containers } from './containers.js';
import type { Encryption } from './encryption.js';
import type { HostViews } from './host-views.js';
import type { Hosts, SharedHost } from './hosts.js';
import type { State } from './state.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly containers: Containers;
  readonly hosts: Hosts;
  readonly views: Pick<HostViews, 'wayTo' | 'deployment'>;
  /** Absent: there are no other hosts. */
  readonly encryption?: Pick<Encryption, 'examine'>;
  readonly host: string;
  /** Absent: there are no other hosts. */
  readonly shared?: SharedHost;
}

/** How long the store may take to answer, in milliseconds: whoever asks waits for it. */
const patienceMs = 3000;

/** Looks at the hosts that share the state, and at what they share. */
export class HostsCheckup {
  constructor(private readonly parts: Parts) {}

  /** None on a single host. */
  async examine(): Promise<Finding[]> {
    const { shared, views, hosts } = this.parts;
    if (!shared) return [];
    const [storeError, underlayError] = await Promise.all([this.storeError(), failureOf(shared.underlay.find())]);
    const findings = judgeHosts({
      ...{ seen: this.seen(), vxlanPort: shared.vxlanPort, store: views.deployment().store, storeError, ownError: underlayError ?? (storeError === undefined ? hosts.error : undefined) },
      ...{ strays: this.strays(), uprooted: this.uprooted() },
    });
    return [...findings, ...(this.parts.encryption?.examine() ?? [])];
  }

  private storeError(): Promise<string | undefined> {
    const { store, host } = this.parts;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`the store did not answer within ${patienceMs / 1000} s`), patienceMs);
    });
    return Promise.race([failureOf(store.get(keys.host(host))), limit]).finally(() => clearTimeout(timer));
  }

  private seen(): HostSeen[] {
    const { state, hosts, views, host: own } = this.parts;
    return state.hosts.values().sort((a, b) => a.name.localeCompare(b.name)).map((host) => {
      const isAway = !hosts.isPresent(host.name);
      return { host, isAway, awaySince: isAway ? hosts.since(host.name) : undefined, way: host.name === own ? undefined : views.wayTo(host.name) };
    });
  }

  private strays(): string[] {
    const { state } = this.parts;
    const names = new Set(state.endpoints.values().map(({ host }) => host));
    return [...names].filter((name) => state.hosts.get(keys.host(name)) === undefined).sort();
  }

  /** While they run they are not given another endpoint: Docker would have to know of it. */
  private uprooted(): string[] {
    const { state, containers, host } = this.parts;
    const lacksEndpoint = ({ endpointId }: { readonly endpointId: string }): boolean => endpointId !== '' && state.endpoints.get(keys.endpoint(endpointId)) === undefined;
    return containers
      .values()
      .filter(({ state: is, attachments }) => is === 'running' && attachments.some((attachment) => lacksEndpoint(attachment) && bindingFor(state, host, attachment) !== undefined))
      .map(({ name }) => name);
  }
}

function failureOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(() => undefined, messageOf);
}
