import type { IpAddress } from '../model/address.js';
import { algorithms, type Algorithm, type Protocol } from '../model/service.js';
import type { BalanceChain, Leg, Passage } from './state.js';

// The text of element keys and chain names, as nft takes it. An address is written as IpAddress
// writes it; nft itself prints some IPv6 addresses otherwise, so what it prints is parsed first.

export function portKey(address: IpAddress | string, protocol: Protocol, port: number): string {
  return `${address.toString()} . ${protocol} . ${port}`;
}

export function slotKey(port: string, slot: number): string {
  return `${port} . ${slot}`;
}

export function legKey({ address, protocol, port, provider }: Omit<Leg, 'mark'>): string {
  return `${portKey(address, protocol, port)} . ${provider.toString()}`;
}

export const directions = ['original', 'reply'] as const;

export function trafficKey(mark: number, direction: (typeof directions)[number]): string {
  return `${mark} . ${direction}`;
}

export function hairpinKey(client: IpAddress, provider: IpAddress): string {
  return `${client.toString()} . ${provider.toString()}`;
}

export function segmentKey(bridge: string): string {
  return passageKey({ from: bridge, to: bridge });
}

/** Interface names are quoted: nft would read some of them as words of its own. */
export function passageKey({ from, to }: Passage): string {
  return `"${from}" . "${to}"`;
}

/** How chains of an algorithm are called, and what their numbers begin with. */
const chainKinds: Record<Algorithm, { readonly word: string; readonly number: number }> = {
  roundrobin: { word: 'balance', number: 0 },
  random: { word: 'random', number: 1 },
  source: { word: 'source', number: 2 },
};

/** In a chain's number the turn has 8 bits, and what is before it 20. */
const [turnBits, slotBits] = [8, 20] as const;

/** `balance_<slots>_<turn>` for round robin, `random_<slots>`, `source_<slots>`. */
export function chainName({ algorithm, slots, turn }: BalanceChain): string {
  return `${chainKinds[algorithm].word}_${slots}${algorithm === 'roundrobin' ? `_${turn}` : ''}`;
}

/** The mark that leads to the chain: 1..2^32-1, and of no other chain. */
export function chainNumber({ algorithm, slots, turn }: BalanceChain): number {
  return chainKinds[algorithm].number * 2 ** (turnBits + slotBits) + slots * 2 ** turnBits + turn;
}

/** The balancing chain that has this name, if it is one's. */
export function parseChainName(name: string): BalanceChain | undefined {
  const [, word, slots, , turn = 0] = /^([a-z]+)_([1-9]\d{0,5})(_(0|[1-9]\d{0,2}))?$/.exec(name) ?? [];
  const algorithm = algorithms.find((each) => chainKinds[each].word === word);
  const chain = algorithm && { algorithm, slots: Number(slots), turn: Number(turn) };
  return chain && chain.turn < 2 ** turnBits && chainName(chain) === name ? chain : undefined;
}
