import { diffNat, isEmptyChange } from './diff.js';
import { chainName } from './keys.js';
import type { BalancedPort, FamilyState, NatState, SlotTarget } from './state.js';

/**
 * The state without its history: slots in the order of addresses, all turns and marks 0, only the chains in use.
 * Two states with one normal form send connections to the same providers and refuse the same.
 */
export function normalize(state: NatState): NatState {
  return { ip: normalizeFamily(state.ip), ip6: normalizeFamily(state.ip6) };
}

/** Equal but for the order of slots, for whom `source` gives which client, and for who shares a counter with whom. */
export function sameBehaviour(a: NatState, b: NatState): boolean {
  const [normalA, normalB] = [normalize(a), normalize(b)];
  return isEmptyChange(diffNat(normalA, normalB)) && isEmptyChange(diffNat(normalB, normalA));
}

function normalizeFamily(state: FamilyState): FamilyState {
  const ports = new Map([...state.ports].map(([key, port]) => [key, normalizePort(port)]));
  // Which mark a leg has changes nothing, as long as each has its own.
  const legs = new Map([...state.legs].map(([key, leg]) => [key, { ...leg, mark: 0 }]));
  const chains = new Map([...ports.values()].map(({ chain }) => [chainName(chain), chain]));
  return { ...state, ports, legs, chains, balancers: chains };
}

function normalizePort(port: BalancedPort): BalancedPort {
  const slots = port.slots.toSorted((a, b) => a.address.compare(b.address) || a.port - b.port);
  if (port.chain.algorithm === 'source') return { ...port, slots: distinct(slots), chain: { ...port.chain, slots: 0 } };
  return { ...port, slots, chain: { ...port.chain, turn: 0 } };
}

/** Whether a provider has one slot more or less of a client's address, and which, has a history. */
function distinct(slots: readonly SlotTarget[]): SlotTarget[] {
  return slots.filter(({ address }, index) => slots[index - 1]?.address.equals(address) !== true);
}
