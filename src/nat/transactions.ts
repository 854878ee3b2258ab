import { countOperations, type FamilyChange, type NatChange } from './diff.js';
import type { NatElement, SetName } from './elements.js';
import type { NatInput } from './input.js';
import { emptyNat, natFamilies, type FamilyState, type NatState } from './state.js';

/** A change of more elements than this is large: it is carried out in several transactions. */
const mostOperations = 5_000;

/** So many elements that count are added in one transaction: while they are written, nothing else is done. */
const mostCounting = 15_000;

/** So many of those that balance, where they may come in pieces: while the kernel takes one, the next is written. */
const mostBalancing = 30_000;

const counting: ReadonlySet<SetName> = new Set(['legs', 'traffic']);

export function isLarge(change: NatChange): boolean {
  return countOperations(change) > mostOperations;
}

/** Whether so many legs come that balancing should not wait for them: what is counted is three elements out of four. */
export function hasManyNewLegs({ services }: NatInput, { ip, ip6 }: NatState): boolean {
  const needed = services.reduce((sum, { addresses, ports, providers }) => sum + addresses.length * ports.length * providers.length, 0);
  return needed - ip.legs.size - ip6.legs.size > mostOperations;
}

/**
 * The changes, each one transaction, that come to this one. A small one is a single transaction. Of a large one the new chains come first, to which
 * nothing leads yet, then all that balances, at once; then, in pieces, what only counts; and last the chains to which nothing leads any more.
 * @param fresh the tables were empty, so that nothing can be half changed: what balances comes in pieces, too, each service port with its slots.
 */
export function transactionsOf(change: NatChange, fresh = false): NatChange[] {
  if (!isLarge(change)) return countOperations(change) === 0 ? [] : [change];
  const chains = part(change, ({ chains }) => ({ chains }));
  const balance = part(change, ({ deletes, adds }) => ({ deletes, adds: adds.filter(({ set }) => !counting.has(set)) }));
  const balanced = fresh ? addedInPieces(balance, mostBalancing, 'services') : [balance];
  const counted = addedInPieces(part(change, ({ adds }) => ({ adds: adds.filter(({ set }) => counting.has(set)) })), mostCounting, 'legs');
  const unused = part(change, ({ unused }) => ({ unused }));
  return [chains, ...balanced, ...counted, unused].filter((each) => countOperations(each) > 0);
}

/** The state without the elements of services: of what tables have that is little, and needs more than elements. */
export function withoutServices({ ip, ip6 }: NatState): NatState {
  const { balancers, ports, serviceIps, legs, hairpins } = emptyNat.ip;
  const bare = (state: FamilyState): FamilyState => ({ ...state, balancers, ports, serviceIps, legs, hairpins });
  return { ip: bare(ip), ip6: bare(ip6) };
}

const none: FamilyChange = { chains: [], deletes: [], adds: [], unused: [] };
const nothing: NatChange = { ip: none, ip6: none };

function part({ ip, ip6 }: NatChange, of: (change: FamilyChange) => Partial<FamilyChange>): NatChange {
  return { ip: { ...none, ...of(ip) }, ip6: { ...none, ...of(ip6) } };
}

function addedInPieces(change: NatChange, most: number, first: SetName): NatChange[] {
  return natFamilies.flatMap((family) => piecesOf(change[family].adds, most, first).map((adds): NatChange => ({ ...nothing, [family]: { ...none, adds } })));
}

/**
 * A leg and what counts for it stay together, and so do a service port and its slots: who reads tables with one of them only takes them for somebody else's.
 * @param first the set of the element with which what belongs together begins.
 */
function piecesOf(elements: readonly NatElement[], most: number, first: SetName): NatElement[][] {
  const pieces: NatElement[][] = [];
  let piece: NatElement[] | undefined;
  for (const element of elements) {
    if (!piece || (piece.length >= most && element.set === first)) pieces.push((piece = []));
    piece.push(element);
  }
  return pieces;
}
