import { fabricState } from '../../src/fabric/keys.js';
import { isPortName } from '../../src/fabric/names.js';
import type { FabricState, FabricStep, PortPeer, VxlanLink } from '../../src/fabric/state.js';
import { stepped } from './fabric-model.js';
import { larger, type Fabric, type FabricChange } from './port.js';
import type { FakeRouters } from './routers-fake.js';
import { kernelError } from './rtnetlink-errors.js';
import { vniInUse } from './vxlan-errors.js';

/** The fabric without a kernel. It refuses what the kernel refuses, and keeps the steps before the one that failed. */
export class FakeFabric implements Fabric {
  readonly #states = new Map<symbol, FabricState>();
  /** What others did in routers since somebody asked; nobody has asked about one that is not in it. */
  readonly #disturbed = new Map<symbol, FabricChange>();

  constructor(private readonly routers: FakeRouters) {}

  // eslint-disable-next-line @typescript-eslint/require-await -- a missing router must reject, not throw
  async read(tenant: string): Promise<FabricState> {
    return this.#states.get(this.routers.identityOf(tenant)) ?? fabricState({});
  }

  async readLinks(tenant: string): Promise<FabricState['links']> {
    return (await this.read(tenant)).links;
  }

  changedByOthers(tenant: string): FabricChange {
    const router = this.routers.identityOf(tenant);
    const change = this.#disturbed.get(router) ?? 'anything';
    this.#disturbed.set(router, 'nothing');
    return change;
  }

  /** Somebody else carries out the steps. */
  async disturb(tenant: string, steps: readonly FabricStep[]): Promise<void> {
    this.#disturb(this.routers.identityOf(tenant), steps.length > 0 && steps.every(isOfPort) ? 'ports' : 'anything');
    await this.apply(tenant, steps);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see read
  async apply(tenant: string, steps: readonly FabricStep[]): Promise<void> {
    const router = this.routers.identityOf(tenant);
    for (const step of steps) {
      try {
        if (step.action === 'createVxlan') this.#requireFree(step.link, router);
        this.#states.set(router, stepped(this.#states.get(router) ?? fabricState({}), step));
        if (step.action === 'createUplink') this.#takeFromOthers(router, step.peer.name);
      } catch (error) {
        throw kernelError(step.action, error);
      }
    }
  }

  /** The host's ends of the uplinks: each is there as long as its router and the router's end are. One that is made anew is another object. */
  get hostEnds(): PortPeer[] {
    const links = this.routers.identities().flatMap((router) => [...(this.#states.get(router)?.links.values() ?? [])]);
    return links.flatMap((link) => (link.kind === 'uplink' && link.peer ? [link.peer] : []));
  }

  /** Somebody deletes the host's end of an uplink, which takes the router's along. */
  deleteUplink(hostEnd: string): void {
    this.#takeFromOthers(undefined, hostEnd);
  }

  /** The sockets of all VXLAN links are in the host's own namespace, and of a VNI there is one link on a port. */
  #requireFree({ name, vni, port }: VxlanLink, own: symbol): void {
    const links = this.routers.identities().flatMap((router) => [...(this.#states.get(router)?.links.values() ?? [])].filter((link) => router !== own || link.name !== name));
    if (links.some((link) => link.kind === 'vxlan' && link.vni === vni && link.port === port)) throw vniInUse(vni, port);
  }

  #disturb(router: symbol, change: FabricChange): void {
    this.#disturbed.set(router, larger(this.#disturbed.get(router) ?? 'anything', change));
  }

  #takeFromOthers(owner: symbol | undefined, hostEnd: string): void {
    for (const [router, state] of this.#states) {
      const lost = [...state.links.values()].filter((link) => router !== owner && link.kind === 'uplink' && link.peer?.name === hostEnd);
      if (lost.length > 0) this.#disturb(router, 'anything');
      for (const { name } of lost) this.#states.set(router, stepped(state, { action: 'deleteLink', name }));
    }
  }
}

function isOfPort(step: FabricStep): boolean {
  return 'name' in step ? isPortName(step.name) : 'link' in step && isPortName(step.link.name);
}
