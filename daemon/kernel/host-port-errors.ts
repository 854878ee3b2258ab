import { conflict, invalid, unavailable, type NetctlError } from '../../src/model/errors.js';
import type { HeldPort } from './port.js';

/** @param errno as libuv names it. */
export function portRefusal({ port, protocol, address }: HeldPort, errno: string): NetctlError {
  const place = address.value === 0n ? 'the host' : address.toString();
  if (errno === 'EADDRINUSE') return conflict(`port ${port}/${protocol} of ${place} is in use by another program: choose another one`);
  if (errno === 'EADDRNOTAVAIL') return invalid(`${address.toString()} is not an address of this host: publish at one that it has`);
  return unavailable(`port ${port}/${protocol} of ${place} cannot be held: the kernel refuses it with ${errno}`);
}
