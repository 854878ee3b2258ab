import type { IpAddress } from '../model/address.js';
import type { Protocol } from '../model/service.js';
import type { BalanceChain, Passage } from './state.js';

// The text of element keys and chain names, as nft takes it. An address is written as IpAddress
// writes it; nft itself prints some IPv6 addresses otherwise, so what it prints is parsed first.

export function portKey(address: IpAddress | string, protocol: Protocol, port: number): string {
  return `${address.toString()} . ${protocol} . ${port}`;
}

export function slotKey(port: string, slot: number): string {
  return `${port} . ${slot}`;
}

export function hairpinKey(provider: IpAddress): string {
  const text = provider.toString();
  return `${text} . ${text}`;
}

export function segmentKey(bridge: string): string {
  return passageKey({ from: bridge, to: bridge });
}

/** Interface names are quoted: nft would read some of them as words of its own. */
export function passageKey({ from, to }: Passage): string {
  return `"${from}" . "${to}"`;
}

export function chainName({ slots, turn }: BalanceChain): string {
  return `balance_${slots}_${turn}`;
}

/** The balancing chain that has this name, if it is one's. */
export function parseChainName(name: string): BalanceChain | undefined {
  const match = /^balance_([1-9]\d{0,5})_(0|[1-9]\d{0,5})$/.exec(name);
  return match ? { slots: Number(match[1]), turn: Number(match[2]) } : undefined;
}
