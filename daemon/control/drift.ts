import { diffFabric } from '../../src/fabric/diff.js';
import type { FabricState, FabricStep } from '../../src/fabric/state.js';
import { countOperations, diffNat } from '../../src/nat/diff.js';
import type { NatState } from '../../src/nat/state.js';

/** What somebody else can have changed in a router. `rule`: an element, a chain, or whole tables, which count as one. */
export const driftKinds = ['namespace', 'setting', 'link', 'address', 'route', 'neighbour', 'fdb', 'rule'] as const;
export type DriftKind = (typeof driftKinds)[number];

/** How many differences of each kind somebody else made; kinds without any are absent. */
export type Drift = Readonly<Partial<Record<DriftKind, number>>>;

const kinds: { readonly [A in FabricStep['action']]: DriftKind } = {
  createBridge: 'link',
  createPort: 'link',
  createUplink: 'link',
  createVxlan: 'link',
  setBridge: 'link',
  setNetfilter: 'link',
  setPort: 'link',
  setVxlan: 'link',
  setMtu: 'link',
  setUplink: 'link',
  deleteLink: 'link',
  addAddress: 'address',
  deleteAddress: 'address',
  addRoute: 'route',
  deleteRoute: 'route',
  setNeighbour: 'neighbour',
  deleteNeighbour: 'neighbour',
  setFdb: 'fdb',
  deleteFdb: 'fdb',
};

export function countDrift(drift: Drift): number {
  return Object.values(drift).reduce((sum, count) => sum + count, 0);
}

export function addDrift(...drifts: readonly Drift[]): Drift {
  const sum: Partial<Record<DriftKind, number>> = {};
  for (const drift of drifts) {
    for (const [kind, count] of Object.entries(drift) as [DriftKind, number][]) if (count > 0) sum[kind] = (sum[kind] ?? 0) + count;
  }
  return sum;
}

/** @param applied as it was planned. */
export function fabricDrift(applied: FabricState, found: FabricState): Drift {
  return addDrift(...diffFabric(applied, found).map(({ action }) => ({ [kinds[action]]: 1 })));
}

export function natDrift(applied: NatState, found: NatState | 'missing' | 'foreign'): Drift {
  return addDrift({ rule: typeof found === 'string' ? 1 : countOperations(diffNat(applied, found)) });
}
