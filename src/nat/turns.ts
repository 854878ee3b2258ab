import { algorithms } from '../model/service.js';
import type { Algorithm } from '../model/service.js';
import { chainName } from './keys.js';
import type { BalanceChain } from './state.js';

/**
 * So many chains at most for each number of slots. With more services than that some share a counter
 * and are no longer in exact round robin, only spread evenly; but the time that a change takes grows
 * with the number of chains. See docs/decisions/balance-chains.md.
 */
export const maxTurns = 128;

/** Spreads service ports over the balancing chains of their number of slots. */
export class Turns {
  /** How many ports use each turn, by algorithm and number of slots. */
  readonly #used: Record<Algorithm, Map<number, number[]>> = { roundrobin: new Map(), random: new Map(), source: new Map() };

  #inUse = 0;

  /** How many chains are in use. */
  get inUse(): number {
    return this.#inUse;
  }

  /** The port stays in its chain. */
  keep({ algorithm, slots, turn }: BalanceChain): void {
    const used = this.#usedOf(algorithm, slots);
    while (used.length <= turn) used.push(0);
    const ports = used[turn] ?? 0;
    used[turn] = ports + 1;
    if (ports === 0) this.#inUse += 1;
  }

  /** The port leaves its chain. */
  release({ algorithm, slots, turn }: BalanceChain): void {
    const used = this.#usedOf(algorithm, slots);
    const ports = (used[turn] ?? 0) - 1;
    used[turn] = ports;
    if (ports === 0) this.#inUse -= 1;
  }

  /** Gives a port the chain with the fewest ports, of several the one with the lowest turn. */
  assign(algorithm: Algorithm, slots: number): BalanceChain {
    const chain = { algorithm, slots, turn: this.#leastUsed(algorithm, slots) };
    this.keep(chain);
    return chain;
  }

  /** Only who counts can be disturbed, and counting to one cannot. */
  #leastUsed(algorithm: Algorithm, slots: number): number {
    if (algorithm !== 'roundrobin' || slots === 1) return 0;
    const used = this.#usedOf(algorithm, slots).slice(0, maxTurns);
    const free = used.indexOf(0);
    if (free >= 0) return free;
    return used.length < maxTurns ? used.length : used.indexOf(Math.min(...used));
  }

  #usedOf(algorithm: Algorithm, slots: number): number[] {
    const used = this.#used[algorithm].get(slots) ?? [];
    this.#used[algorithm].set(slots, used);
    return used;
  }

  /** The chains that are in use, by name, in order. */
  chains(): [string, BalanceChain][] {
    return algorithms
      .flatMap((algorithm) => [...this.#used[algorithm].keys()].toSorted((a, b) => a - b).map((slots) => ({ algorithm, slots })))
      .flatMap(({ algorithm, slots }) => this.#usedOf(algorithm, slots).flatMap((ports, turn): BalanceChain[] => (ports > 0 ? [{ algorithm, slots, turn }] : [])))
      .map((chain) => [chainName(chain), chain]);
  }
}
