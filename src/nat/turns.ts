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
  readonly #used = new Map<number, number[]>();

  /** The port stays in its chain. */
  keep({ slots, turn }: BalanceChain): void {
    const used = this.#usedOf(slots);
    while (used.length <= turn) used.push(0);
    used[turn] = (used[turn] ?? 0) + 1;
  }

  /** Gives a port the chain with the fewest ports, of several the one with the lowest turn. */
  assign(slots: number): BalanceChain {
    const chain = { slots, turn: this.#leastUsed(slots) };
    this.keep(chain);
    return chain;
  }

  /** A single slot needs no turns: counting to one cannot be disturbed. */
  #leastUsed(slots: number): number {
    if (slots === 1) return 0;
    const used = this.#usedOf(slots).slice(0, maxTurns);
    const free = used.indexOf(0);
    if (free >= 0) return free;
    return used.length < maxTurns ? used.length : used.indexOf(Math.min(...used));
  }

  #usedOf(slots: number): number[] {
    const used = this.#used.get(slots) ?? [];
    this.#used.set(slots, used);
    return used;
  }

  /** The chains that are in use, by name, in order. */
  chains(): [string, BalanceChain][] {
    return [...this.#used.keys()]
      .toSorted((a, b) => a - b)
      .flatMap((slots) => this.#usedOf(slots).flatMap((ports, turn): BalanceChain[] => (ports > 0 ? [{ slots, turn }] : [])))
      .map((chain) => [chainName(chain), chain]);
  }
}
