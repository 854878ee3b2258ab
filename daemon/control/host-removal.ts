import type { Endpoint } from '../../src/model/endpoint.js';
import { inUse, invalid, notFound } from '../../src/model/errors.js';
import { keys } from '../../src/model/keys.js';
import type { Store } from '../store/port.js';
import type { Addresses } from './addresses.js';
import type { Hosts } from './hosts.js';
import type { Logger } from './logger.js';
import type { HostHoldings } from './operations.js';
import type { State } from './state.js';
import { combine, transact, when, write, type Fragment } from './transact.js';

interface Parts {
  readonly store: Store;
  readonly state: State;
  readonly addresses: Addresses;
  readonly hosts: Pick<Hosts, 'isPresent' | 'areShared'>;
  readonly host: string;
  readonly log: Logger;
}

/** Of conditions and operations of one transaction: etcd takes no more than 128 operations at once unless it is told to. */
const mostAtOnce = 100;

/** What is taken back together, or not at all. */
interface Piece extends HostHoldings {
  readonly fragment: Fragment;
}

const nothing: HostHoldings = { endpoints: 0, addresses: 0, ports: 0 };

/** Takes back what a host held that is no more. */
export class HostRemoval {
  constructor(private readonly parts: Parts) {}

  /**
   * In several transactions where there is much, the host's own entry in the last one: who is interrupted does it again. Each is carried out only while
   * the host is away.
   * @returns what was taken back
   * @throws NetctlError `invalid` for this host, `not-found`, `in-use` if the host is there.
   */
  async remove(host: string): Promise<HostHoldings> {
    const { store, log } = this.parts;
    this.refuse(host);
    const freed: Piece[] = [];
    let planned: readonly Piece[] = [];
    const plan = (): Fragment | undefined => {
      this.refusePresent(host);
      planned = fitting(this.pieces(host));
      return planned.length === 0 ? this.entry(host) : combine(this.isAway(host), ...planned.map(({ fragment }) => fragment));
    };
    while (await transact(store, plan)) freed.push(...planned);
    const holdings = sum(freed);
    log.warn({ event: 'host-removed', removed: host, ...holdings }, 'a host was removed; what it held is free');
    return holdings;
  }

  private refuse(host: string): void {
    const { state, hosts, host: own } = this.parts;
    if (host === own) throw invalid(`host ${host} is the one that was asked to remove it: a host that is there cannot be removed`);
    if (!hosts.areShared || (state.hosts.get(keys.host(host)) === undefined && this.pieces(host).length === 0)) throw notFound(`host ${host} not found: see "netctl host ls"`);
    this.refusePresent(host);
  }

  private refusePresent(host: string): void {
    if (this.parts.hosts.isPresent(host)) throw inUse(`host ${host} is there, and its containers run: stop netctld on it first, and wait until it counts as away`);
  }

  private isAway(host: string): Fragment {
    return when({ key: keys.presence(host), is: 'absent' });
  }

  /** The last to go; undefined if it is gone. */
  private entry(host: string): Fragment | undefined {
    const key = keys.host(host);
    const held = this.parts.state.hosts.get(key);
    return held && combine(this.isAway(host), when({ key, is: 'at', revision: held.revision }), write({ key, delete: true }));
  }

  private pieces(host: string): Piece[] {
    const { state, addresses } = this.parts;
    const isOfHost = (object: { readonly host: string }): boolean => object.host === host;
    const requests = state.allocations.values().flatMap(({ value }) => (value.owner.kind === 'request' && value.owner.host === host ? [value] : []));
    const others = [
      ...state.hostContainers.of(host).map(({ container }) => keys.container(host, container.id)),
      ...state.bindings.values().filter(isOfHost).map(({ dockerNetworkId }) => keys.binding(host, dockerNetworkId)),
      ...state.unnamed.values().filter(isOfHost).map(({ dockerNetworkId }) => keys.unnamedNetwork(host, dockerNetworkId)),
      ...state.leftovers.of(host).map(({ dockerNetworkId }) => keys.leftover(host, dockerNetworkId)),
      ...state.pools.of(host).map(({ id }) => keys.pool(host, id)),
      ...state.uplinks.values().filter(isOfHost).map(({ tenant }) => keys.uplink(host, tenant)),
    ];
    return [
      ...state.endpoints.values().filter(isOfHost).map((endpoint) => this.endpoint(endpoint)),
      ...requests.map(({ tenant, network, address }) => ({ ...nothing, addresses: 1, fragment: addresses.release(tenant, network, address) })),
      ...others.map((key) => ({ ...nothing, fragment: write({ key, delete: true }) })),
    ];
  }

  private endpoint({ id, tenant, network, addresses, publications = [] }: Endpoint): Piece {
    const { state } = this.parts;
    const held = addresses.filter((address) => {
      const owner = state.allocationOf(tenant, network, address)?.value.owner;
      return owner?.kind === 'endpoint' && owner.id === id;
    });
    const released = held.map((address) => this.parts.addresses.release(tenant, network, address));
    return { endpoints: 1, addresses: held.length, ports: publications.length, fragment: combine(write({ key: keys.endpoint(id), delete: true }), ...released) };
  }
}

/** As many of the first ones as one transaction takes. */
function fitting(pieces: readonly Piece[]): Piece[] {
  const found: Piece[] = [];
  let size = 1;
  for (const piece of pieces) {
    size += piece.fragment.conditions.length + piece.fragment.operations.length;
    if (size > mostAtOnce) break;
    found.push(piece);
  }
  return found;
}

function sum(pieces: readonly Piece[]): HostHoldings {
  return pieces.reduce((total, piece) => ({ endpoints: total.endpoints + piece.endpoints, addresses: total.addresses + piece.addresses, ports: total.ports + piece.ports }), nothing);
}
