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

const chainWords: Record<Algorithm, string> = { roundrobin: 'balance', random: 'random', source: 'source' };

/** `balance_<slots>_<turn>` for round robin, `random_<slots>`, `source_<slots>`. */
export function chainName({ algorithm, slots, turn }: BalanceChain): string {
  return `${chainWords[algorithm]}_${slots}${algorithm === 'roundrobin' ? `_${turn}` : ''}`;
}

/** The balancing chain that has this name, if it is one's. */
export function parseChainName(name: string): BalanceChain | undefined {
  const [, word, slots, , turn = 0] = /^([a-z]+)_([1-9]\d{0,5})(_(0|[1-9]\d{0,5}))?$/.exec(name) ?? [];
  const algorithm = algorithms.find((each) => chainWords[each] === word);
  const chain = algorithm && { algorithm, slots: Number(slots), turn: Number(turn) };
  return chain && chainName(chain) === name ? chain : undefined;
}
