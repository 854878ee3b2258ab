import { diffNat, isEmptyChange } from './diff.js';
import { chainName } from './keys.js';
import type { BalancedPort, FamilyState, NatState } from './state.js';

/**
 * The state without its history: slots in the order of addresses, all turns 0, only the chains in use.
 * Two states with one normal form send connections to the same providers and refuse the same.
 */
export function normalize(state: NatState): NatState {
  return { ip: normalizeFamily(state.ip), ip6: normalizeFamily(state.ip6) };
}

/** Equal but for the order of slots, and for who shares a counter with whom. */
export function sameBehaviour(a: NatState, b: NatState): boolean {
  const [normalA, normalB] = [normalize(a), normalize(b)];
  return isEmptyChange(diffNat(normalA, normalB)) && isEmptyChange(diffNat(normalB, normalA));
}

function normalizeFamily(state: FamilyState): FamilyState {
  const ports = new Map([...state.ports].map(([key, port]) => [key, normalizePort(port)]));
  return { ...state, ports, chains: new Map([...ports.values()].map(({ chain }) => [chainName(chain), chain])) };
}

function normalizePort(port: BalancedPort): BalancedPort {
  const slots = port.slots.toSorted((a, b) => a.address.compare(b.address) || a.port - b.port);
  return { ...port, slots, chain: { slots: slots.length, turn: 0 } };
}
