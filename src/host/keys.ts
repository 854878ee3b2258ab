import { addressKey, neighbourKey } from '../fabric/keys.js';
import type { AddressState, NeighbourState } from '../fabric/state.js';
import type { ForwardAccept, HostLink, HostRouteState, HostState } from './state.js';

/** Two routes with one key cannot both exist. */
export function hostRouteKey({ prefix, link }: Pick<HostRouteState, 'prefix' | 'link'>): string {
  return `${prefix.toString()} ${link}`;
}

/** A state with these items, in this order. Of several with one key the last one counts. */
export function hostState(items: {
  links?: Iterable<HostLink>;
  addresses?: Iterable<AddressState>;
  neighbours?: Iterable<NeighbourState>;
  routes?: Iterable<HostRouteState>;
  settings?: Iterable<readonly [string, string]>;
  accepts?: Iterable<readonly [ForwardAccept, boolean]>;
  rules?: string | undefined;
}): HostState {
  return {
    links: keyed(items.links ?? [], ({ name }) => name),
    addresses: keyed(items.addresses ?? [], addressKey),
    neighbours: keyed(items.neighbours ?? [], neighbourKey),
    routes: keyed(items.routes ?? [], hostRouteKey),
    settings: new Map(items.settings ?? []),
    accepts: new Map(items.accepts ?? []),
    ...(items.rules === undefined ? {} : { rules: items.rules }),
  };
}

function keyed<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T> {
  return new Map(Array.from(items, (item) => [keyOf(item), item]));
}
