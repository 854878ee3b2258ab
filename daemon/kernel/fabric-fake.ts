import { fabricState } from '../../src/fabric/keys.js';
import type { FabricState, FabricStep } from '../../src/fabric/state.js';
import { stepped } from './fabric-model.js';
import type { Fabric } from './port.js';
import type { FakeRouters } from './routers-fake.js';
import { kernelError } from './rtnetlink-errors.js';

/** The fabric without a kernel. It refuses what the kernel refuses, and keeps the steps before the one that failed. */
export class FakeFabric implements Fabric {
  readonly #states = new Map<symbol, FabricState>();

  constructor(private readonly routers: FakeRouters) {}

  // eslint-disable-next-line @typescript-eslint/require-await -- a missing router must reject, not throw
  async read(tenant: string): Promise<FabricState> {
    return this.#states.get(this.routers.identityOf(tenant)) ?? fabricState({});
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see read
  async apply(tenant: string, steps: readonly FabricStep[]): Promise<void> {
    const router = this.routers.identityOf(tenant);
    for (const step of steps) {
      try {
        this.#states.set(router, stepped(this.#states.get(router) ?? fabricState({}), step));
      } catch (error) {
        throw kernelError(step.action, error);
      }
    }
  }
}
