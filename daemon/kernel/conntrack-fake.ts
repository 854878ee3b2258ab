import { isAbout, type FlowsAbout } from '../../src/nat/flows.js';
import type { Flow } from '../../src/nat/input.js';
import type { Conntrack } from './port.js';
import type { FakeRouters } from './routers-fake.js';

/** Connections without a kernel. */
export class FakeConntrack implements Conntrack {
  readonly #flows = new Map<symbol, Flow[]>();

  constructor(private readonly routers: FakeRouters) {}

  /** A packet of this connection passes the router. */
  track(tenant: string, flow: Flow): void {
    this.#flows.set(this.routers.identityOf(tenant), [...this.#of(tenant).filter((known) => !sameFlow(known, flow)), flow]);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a missing router must reject, not throw
  async list(tenant: string, about?: FlowsAbout): Promise<Flow[]> {
    return this.#of(tenant).filter(about ? isAbout(about) : () => true);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see list
  async remove(tenant: string, flows: readonly Flow[]): Promise<number> {
    return this.#keep(tenant, (flow) => !flows.some((doomed) => sameFlow(doomed, flow)));
  }

  #of(tenant: string): readonly Flow[] {
    return this.#flows.get(this.routers.identityOf(tenant)) ?? [];
  }

  #keep(tenant: string, stays: (flow: Flow) => boolean): number {
    const before = this.#of(tenant);
    const after = before.filter(stays);
    this.#flows.set(this.routers.identityOf(tenant), after);
    return before.length - after.length;
  }
}

function sameFlow(a: Flow, b: Flow): boolean {
  const sides = ['client', 'service', 'provider'] as const;
  return a.protocol === b.protocol && sides.every((side) => a[side].port === b[side].port && a[side].address.equals(b[side].address));
}
