import { segmentMtu } from '../../src/fabric/segment-mtu.js';
import { notFound } from '../../src/model/errors.js';
import type { Host } from '../../src/model/host.js';
import { roundTripOf, stateOfWay, unknownWay, type Way } from '../../src/probe/way.js';
import type { Encryption } from './encryption.js';
import type { HostProbes } from './host-probes.js';
import type { Hosts } from './hosts.js';
import type { Deployment, HostState, HostView } from './operations.js';
import type { State } from './state.js';
import type { Views } from './views.js';

interface Parts {
  readonly state: State;
  readonly hosts: Pick<Hosts, 'areShared' | 'isPresent' | 'since' | 'error'>;
  /** Absent: there are no other hosts. */
  readonly probes?: Pick<HostProbes, 'wayTo'>;
  /** Absent: there are no other hosts. */
  readonly encryption?: Pick<Encryption, 'whyUnconnected' | 'error'>;
  readonly views: Pick<Views, 'endpoints'>;
  readonly host: string;
  /** Of netctld. */
  readonly version: string;
  /** Where the state is. */
  readonly store: string;
  /** When this netctld began, milliseconds since the epoch. */
  readonly began: number;
}

/** Hosts as users see them, from this one. */
export class HostViews {
  constructor(private readonly parts: Parts) {}

  list(): HostView[] {
    const { state, hosts } = this.parts;
    if (!hosts.areShared) return [this.single()];
    return state.hosts.values().sort((a, b) => a.name.localeCompare(b.name)).map((host) => this.view(host));
  }

  /** @throws NetctlError `not-found`. */
  host(name: string): HostView {
    const found = this.list().find((host) => host.name === name);
    if (!found) throw notFound(`host ${name} not found: see "netctl host ls"`);
    return found;
  }

  deployment(): Deployment {
    const { state, hosts, store } = this.parts;
    if (!state.isLoaded) return { store };
    const known = hosts.areShared ? state.hosts.values() : [];
    return { store, hosts: hosts.areShared ? { present: known.filter(({ name }) => hosts.isPresent(name)).length, known: known.length } : { present: 1, known: 1 } };
  }

  /** What is known of the way to another host. */
  wayTo(name: string): Way {
    return this.parts.probes?.wayTo(name) ?? unknownWay;
  }

  private single(): HostView {
    const { host: name, version, began } = this.parts;
    return { name, isOwn: true, state: 'ready', since: began, version, endpoints: this.endpointsOn(name) };
  }

  private view(host: Host): HostView {
    const { hosts, host: own } = this.parts;
    const { name, version, underlay, underlayMtu } = host;
    const isOwn = name === own;
    const way = isOwn ? unknownWay : this.wayTo(name);
    const [since, roundTripMs] = [hosts.since(name), roundTripOf(way)];
    return {
      ...{ name, isOwn, version, underlay, underlayMtu, endpoints: this.endpointsOn(name) },
      ...this.condition(host, way),
      ...(since === undefined ? {} : { since }),
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
      ...(way.mtu === undefined ? {} : { pathMtu: way.mtu }),
    };
  }

  private condition({ name, underlay }: Host, way: Way): { readonly state: HostState; readonly reason?: string } {
    const { hosts, host: own, state, encryption } = this.parts;
    const error = hosts.error ?? encryption?.error;
    if (name === own) return error === undefined ? { state: 'ready' } : { state: 'not ready', reason: error };
    if (!hosts.isPresent(name)) return { state: 'away' };
    const there = stateOfWay(way);
    if (there === 'blocked') return { state: 'not ready', reason: `it answers at ${underlay.toString()}, but not through VXLAN` };
    if (there === 'silent') return { state: 'not ready', reason: `it does not answer at ${underlay.toString()}` };
    const needed = segmentMtu(state.hosts.values());
    if (way.mtu !== undefined && way.mtu < needed) return { state: 'not ready', reason: `packets of more than ${way.mtu} bytes do not get there, and containers send up to ${needed}` };
    const unconnected = encryption?.whyUnconnected(name);
    if (unconnected !== undefined) return { state: 'not ready', reason: unconnected };
    return { state: 'ready' };
  }

  private endpointsOn(name: string): HostView['endpoints'] {
    const { state, views } = this.parts;
    return views.endpoints(state.endpoints.values().filter(({ host }) => host === name));
  }
}
