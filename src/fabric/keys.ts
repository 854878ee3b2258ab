import type { AddressState, FabricLink, FabricState, FdbState, NeighbourState, RouteState } from './state.js';

// A key holds what identifies an item in the kernel; two items with one key cannot both exist. What
// is not in the key (a neighbour's MAC address, a bridge's) can be changed in place.

export function addressKey({ link, address, length }: AddressState): string {
  return `${link} ${address.toString()}/${length}`;
}

export function routeKey(route: RouteState): string {
  const { kind, prefix, link } = route;
  return `${kind} ${prefix.toString()} ${link}${kind === 'default' ? ` via ${route.via.toString()}` : ''}`;
}

export function neighbourKey({ link, address }: Pick<NeighbourState, 'link' | 'address'>): string {
  return `${link} ${address.toString()}`;
}

export function fdbKey(entry: FdbState): string {
  return entry.kind === 'flood' ? `${entry.link} flood ${entry.destination.toString()}` : `${entry.link} ${entry.mac.toString()}`;
}

/** A state with these items, in this order. Of several with one key the last one counts. */
export function fabricState(items: {
  links?: Iterable<FabricLink>;
  addresses?: Iterable<AddressState>;
  routes?: Iterable<RouteState>;
  neighbours?: Iterable<NeighbourState>;
  fdb?: Iterable<FdbState>;
}): FabricState {
  return {
    links: keyed(items.links ?? [], (link) => link.name),
    addresses: keyed(items.addresses ?? [], addressKey),
    routes: keyed(items.routes ?? [], routeKey),
    neighbours: keyed(items.neighbours ?? [], neighbourKey),
    fdb: keyed(items.fdb ?? [], fdbKey),
  };
}

function keyed<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T> {
  return new Map(Array.from(items, (item) => [keyOf(item), item]));
}
