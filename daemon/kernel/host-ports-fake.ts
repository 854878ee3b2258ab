import { portRefusal } from './host-port-errors.js';
import type { HeldPort, HostPorts } from './port.js';

/** Ports of a host without sockets. */
export class FakeHostPorts implements HostPorts {
  readonly #held = new Map<string, HeldPort>();
  /** What other programs of the host have. */
  readonly taken: HeldPort[] = [];

  /** @param addresses the host's, besides those that mean all. */
  constructor(private readonly addresses: readonly string[] = ['127.0.0.1', '::1', '192.168.50.11']) {}

  /** What is held now. */
  get held(): HeldPort[] {
    return [...this.#held.values()];
  }

  hold(port: HeldPort): void {
    if (this.#held.has(keyOf(port))) return;
    if (!isAny(port) && !this.addresses.includes(port.address.toString())) throw portRefusal(port, 'EADDRNOTAVAIL');
    if ([...this.#held.values(), ...this.taken].some((other) => clash(port, other))) throw portRefusal(port, 'EADDRINUSE');
    this.#held.set(keyOf(port), port);
  }

  release(port: HeldPort): void {
    this.#held.delete(keyOf(port));
  }
}

/** An address clashes with itself and with all addresses of its family. */
function clash(a: HeldPort, b: HeldPort): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port || a.address.family !== b.address.family) return false;
  return isAny(a) || isAny(b) || a.address.equals(b.address);
}

function isAny({ address }: HeldPort): boolean {
  return address.value === 0n;
}

function keyOf({ protocol, address, port }: HeldPort): string {
  return `${protocol} ${address.toString()} ${port}`;
}
