import { IpAddress } from '../model/address.js';
import { protocols } from '../model/service.js';
import { directions } from './keys.js';
import type { Leg, SlotTarget } from './state.js';

// The opposite of keys.ts. Hundreds of thousands of keys are read at once, so that nothing is made for a key but what is kept of it.

const separator = ' . ';
const zero = '0'.charCodeAt(0);

/** Reads the parts of keys and data. Whatever is not just as netctl writes it is undefined, or NaN. */
export class PartReader {
  readonly #addresses = new Map<string, IpAddress | undefined>();

  /** Each address is read once. */
  address(text: string): IpAddress | undefined {
    const known = this.#addresses.get(text);
    if (known || this.#addresses.has(text)) return known;
    const address = IpAddress.tryParse(text);
    // An IPv4 address has one form only.
    const canonical = address?.family === 4 || address?.toString() === text ? address : undefined;
    this.#addresses.set(text, canonical);
    return canonical;
  }

  /** @param key of `legs`. */
  leg(key: string): Omit<Leg, 'mark'> | undefined {
    const end = key.lastIndexOf(separator);
    const port = this.port(key.slice(0, Math.max(0, end)));
    const provider = this.address(key.slice(end + separator.length));
    return port && provider && { ...port, provider };
  }

  /** @param key of `services`. */
  port(key: string): Pick<Leg, 'address' | 'protocol' | 'port'> | undefined {
    const first = key.indexOf(separator);
    const second = key.indexOf(separator, first + separator.length);
    const address = this.address(key.slice(0, Math.max(0, first)));
    const protocol = protocols.find((known) => known.length === second - first - separator.length && key.startsWith(known, first + separator.length));
    const port = numberAt(key, second + separator.length);
    return address && protocol && !Number.isNaN(port) ? { address, protocol, port } : undefined;
  }

  /** @param data of `slots`. */
  target(data: string): SlotTarget | undefined {
    const end = data.indexOf(separator);
    const address = this.address(data.slice(0, Math.max(0, end)));
    const port = numberAt(data, end + separator.length);
    return address && !Number.isNaN(port) ? { address, port } : undefined;
  }
}

/** Of an element of `slots`: where the key of its service port ends, and the slot. */
export function slotAt(key: string): { readonly end: number; readonly slot: number } {
  const end = key.lastIndexOf(separator);
  return { end, slot: numberAt(key, end + separator.length) };
}

/** The mark in a key of `traffic`. */
export function markOf(key: string): number {
  return numberAt(key, 0, key.indexOf(separator));
}

/** The number of the direction in a key of `traffic`; -1 if it has none. */
export function directionOf(key: string): number {
  const start = key.indexOf(separator) + separator.length;
  return directions.findIndex((direction) => key.length === start + direction.length && key.endsWith(direction));
}

/** A whole number without leading zeros, or NaN. */
export function numberAt(text: string, start = 0, end = text.length): number {
  if (end <= start || end - start > 10 || (end - start > 1 && text.charCodeAt(start) === zero)) return NaN;
  let number = 0;
  for (let index = start; index < end; index += 1) {
    const digit = text.charCodeAt(index) - zero;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  return number;
}
