import { isAbsolute, normalize } from 'node:path';
import { IpAddress } from '../../src/model/address.js';

/**
 * How the values of options are read. Each takes text from a flag or the environment, or any JSON
 * from the file, and throws an Error whose message goes on after "... ": what the value must be.
 */
export type Parse<T> = (value: unknown) => T;

export interface TcpAddress {
  /** An IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export const absolutePath: Parse<string> = (value) => {
  if (typeof value !== 'string' || !isAbsolute(value)) throw new Error('must be an absolute path');
  return normalize(value);
};

/** Linux keeps the path of a Unix socket in 108 bytes, with a final zero (unix(7)). */
export const socketPath: Parse<string> = (value) => {
  const path = absolutePath(value);
  if (Buffer.byteLength(path) > 107) throw new Error('must be at most 107 bytes long, as a Unix socket\'s path is');
  return path;
};

/** RFC 1123's host names, as the kernel's `hostname` has them. */
export const hostName: Parse<string> = (value) => {
  const pattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
  if (typeof value !== 'string' || value.length > 253 || !pattern.test(value)) {
    throw new Error('must be a host name of letters, digits, dashes and dots');
  }
  return value;
};

export function oneOf<const T extends string>(...words: readonly T[]): Parse<T> {
  return (value) => {
    const word = words.find((word) => word === value);
    if (word === undefined) throw new Error(`must be one of ${words.join(', ')}`);
    return word;
  };
}

export const trueOrFalse: Parse<boolean> = (value) => {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new Error('must be true or false');
};

export function wholeSeconds(least: number, most: number): Parse<number> {
  return (value) => {
    const text = typeof value === 'number' ? String(value) : value;
    const seconds = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(seconds >= least && seconds <= most)) throw new Error(`must be a whole number of seconds from ${least} to ${most}`);
    return seconds;
  };
}

export const ipAddress: Parse<IpAddress> = (value) => {
  const address = typeof value === 'string' ? IpAddress.tryParse(value) : undefined;
  if (!address) throw new Error('must be an IP address, for example 192.168.50.11');
  return address;
};

export const portNumber: Parse<number> = (value) => {
  const text = typeof value === 'number' ? String(value) : value;
  const port = typeof text === 'string' && /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (!(port >= 1 && port <= 65_535)) throw new Error('must be a port number from 1 to 65535');
  return port;
};

/** `127.0.0.1:9999`, `[::1]:9999`, `0.0.0.0:9999` or `localhost:9999`; other names are not looked up. */
export const tcpAddress: Parse<TcpAddress> = (value) => {
  const match = typeof value === 'string' ? /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(value) : null;
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || !(port <= 65535)) throw new Error('must be host:port, for example 127.0.0.1:9999');
  // Never resolved: a hosts file can lead "localhost" anywhere.
  const address = IpAddress.tryParse(host === 'localhost' ? '127.0.0.1' : host);
  if (!address) throw new Error('must begin with an IP address or "localhost", as names are not looked up');
  return { host: address.toString(), port };
};

/** RFC 1122, 3.2.1.3: 127.0.0.0/8; RFC 4291, 2.5.3: ::1. */
export function isLoopback({ host }: TcpAddress): boolean {
  const { family, value } = IpAddress.parse(host);
  return family === 4 ? value >> 24n === 127n : value === 1n;
}
