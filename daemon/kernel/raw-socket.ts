import { createRequire } from 'node:module';
import { unavailable } from '../../src/model/errors.js';

/** What is used of the npm package raw-socket, which has no types of its own. Errors of system calls are their texts, without a code. */
export interface RawSocket {
  setOption(level: number, option: number, value: number): void;
  /** The callbacks: right before it is sent, and when it was, or was not. */
  send(message: Buffer, offset: number, length: number, address: string, before: () => void, after: (error: Error | null) => void): void;
  on(event: 'message', listener: (packet: Buffer, source: string) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  close(): void;
}

interface RawSockets {
  createSocket(options: { readonly protocol: number; readonly addressFamily: number; readonly bufferSize: number }): RawSocket;
}

/** @throws NetctlError `unavailable` where it is not compiled, which needs a compiler (bin/raw-socket). */
export function loadRawSockets(): RawSockets {
  try {
    return createRequire(import.meta.url)('raw-socket') as RawSockets;
  } catch (cause) {
    throw unavailable('the way to other hosts is not measured, because this netctl was built without the npm package raw-socket: install g++, make and python3 where it is built, and build it again', cause);
  }
}
