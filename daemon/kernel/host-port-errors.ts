import { conflict, type NetctlError } from '../../src/model/errors.js';
import type { HeldPort } from './port.js';

export function portTaken({ port, protocol, address }: HeldPort): NetctlError {
  const where = address.value === 0n ? 'the host' : address.toString();
  return conflict(`port ${port}/${protocol} of ${where} is in use by another program: choose another one`);
}
