import { segmentMtu } from '../fabric/segment-mtu.js';
import type { Host } from '../model/host.js';
import { roundTripOf, stateOfWay, type Way } from '../probe/way.js';
import type { Finding } from './finding.js';

/** A host of several, as the one that is asked sees it. */
export interface HostSeen {
  readonly host: Host;
  readonly isAway: boolean;
  /** Milliseconds since the epoch; undefined: nobody knows. */
  readonly awaySince: number | undefined;
  /** Undefined: it is the one that is asked. */
  readonly way: Way | undefined;
}

/** What is known of the hosts that share the state. */
export interface HostsFacts {
  readonly seen: readonly HostSeen[];
  /** Of VXLAN, UDP. */
  readonly vxlanPort: number;
  /** How the store is called, and why it does not answer; undefined: it does. */
  readonly store: string;
  readonly storeError: string | undefined;
  /** Why nobody can be told where this host is. */
  readonly ownError: string | undefined;
  /** Names of hosts that nobody knows, and that hold endpoints. */
  readonly strays: readonly string[];
  /** Names of containers of this host that run without their endpoint. */
  readonly uprooted: readonly string[];
}

export function judgeHosts(facts: HostsFacts): Finding[] {
  const { seen, vxlanPort, store, storeError, ownError } = facts;
  const needed = segmentMtu(seen.map(({ host }) => host));
  return [
    storeError === undefined ? ok('store', `${store} answers`) : failed('store', storeError, 'see to etcd, or to the way there; netctld continues by itself'),
    ...(ownError === undefined ? [] : [failed('underlay', ownError, 'give this host an address there, or say which it is with --underlay-address')]),
    ...seen.flatMap((each) => (each.way ? [judgeHost(each, each.way, needed, vxlanPort)] : [])),
    ...judgeMeasuring(seen),
    ...judgeVersions(seen),
    ...judgeMtus(seen, needed),
    ...facts.strays.map((name) => warning(`host ${name}`, `nobody knows host ${name}, and endpoints are said to be on it`, `if it is no more, run "netctl host rm ${name}"`)),
    ...judgeUprooted(facts.uprooted),
  ];
}

function judgeHost({ host: { name, underlay }, isAway, awaySince }: HostSeen, way: Way, needed: number, vxlanPort: number): Finding {
  const check = `host ${name}`;
  const at = underlay.toString();
  const state = stateOfWay(way);
  if (isAway) {
    const since = awaySince === undefined ? 'since before this netctld began' : `since ${new Date(awaySince).toISOString().slice(0, 19)}Z`;
    const answers = state === 'open' || state === 'blocked' ? `; ${at} still answers, so look at its netctld and its way to the store` : '';
    return warning(check, `nothing is heard of it ${since}${answers}`, `see to it; if it is no more, run "netctl host rm ${name}", which frees what it held`);
  }
  if (state === 'blocked') return failed(check, `it answers at ${at}, but nothing comes back through VXLAN`, `let UDP port ${vxlanPort} through between the hosts, in both directions`);
  if (state === 'silent') return failed(check, `it does not answer at ${at}, neither through VXLAN nor otherwise`, 'see to the network between the hosts');
  if (way.mtu !== undefined && way.mtu < needed) {
    return failed(check, `packets of more than ${way.mtu} bytes do not get there, and containers send up to ${needed}`, `raise the MTU of what is between the hosts by ${needed - way.mtu}, or lower that of a host's own link there by as much: then all segments follow`);
  }
  return ok(check, ['it is there', ...wordsOf(way)].join(', '));
}

function wordsOf(way: Way): string[] {
  const trip = roundTripOf(way);
  return [...(trip === undefined ? [] : [`${trip.toFixed(2)} ms away`]), ...(way.mtu === undefined ? [] : [`packets of up to ${way.mtu} bytes get there`])];
}

/** One reason is told once: where a package is missing it is the same for all hosts. */
function judgeMeasuring(seen: readonly HostSeen[]): Finding[] {
  const reasons = new Set(seen.flatMap(({ way }) => (way?.unable === undefined ? [] : [way.unable])));
  return [...reasons].map((reason) => warning('way to other hosts', reason, 'until then nobody is told when the way is interrupted, or too narrow'));
}

function judgeVersions(seen: readonly HostSeen[]): Finding[] {
  const present = seen.filter(({ isAway }) => !isAway);
  const versions = groups(present, ({ host }) => host.version);
  return versions.size < 2 ? [] : [warning('versions', `the hosts have different versions of netctld: ${listed(versions)}`, 'bring all to the newest')];
}

function judgeMtus(seen: readonly HostSeen[], needed: number): Finding[] {
  const mtus = groups(seen, ({ host }) => String(host.underlayMtu));
  return mtus.size < 2 ? [] : [warning('underlay MTU', `the hosts' links have different MTUs: ${listed(mtus)}; containers send up to ${needed} bytes on all of them`, 'give all the same')];
}

function judgeUprooted(names: readonly string[]): Finding[] {
  if (names.length === 0) return [];
  const shown = names.toSorted().slice(0, 5).join(' ');
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return [failed('containers', `their host was removed meanwhile, and they have lost their addresses: ${shown}${more}`, `restart them, which gives them others: docker restart ${shown}`)];
}

function groups(seen: readonly HostSeen[], of: (seen: HostSeen) => string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const each of seen) found.set(of(each), [...(found.get(of(each)) ?? []), each.host.name]);
  return found;
}

function listed(found: ReadonlyMap<string, readonly string[]>): string {
  return [...found].map(([value, names]) => `${value} on ${names.join(', ')}`).join('; ');
}

const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message });
const warning = (check: string, message: string, remedy: string): Finding => ({ check, status: 'warning', message, remedy });
const failed = (check: string, message: string, remedy: string): Finding => ({ check, status: 'failed', message, remedy });
