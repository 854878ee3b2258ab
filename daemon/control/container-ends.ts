import { containerLinkName } from '../../src/fabric/names.js';
import { messageOf } from '../../src/model/errors.js';
import type { Mac } from '../../src/model/address.js';
import type { SandboxEnd, Sandboxes, SandboxLink } from '../kernel/port.js';

/** Where a running container's end of a port belongs, and what it must be there, as far as the store knows it. */
export interface ContainerEnd {
  readonly sandboxKey: string;
  readonly link: Omit<SandboxLink, 'name'> & { readonly mac: Mac };
}

/** How many containers are looked into at once: nobody waits for it. */
const mostLooks = 10;

/**
 * The containers' ends of a router's ports. What Docker made of each is learnt while it is there, so that a
 * container whose link was lost has it back as it was, without being restarted.
 */
export class ContainerEnds {
  /** What Docker made of them, by endpoint id. */
  private readonly known = new Map<string, SandboxEnd>();
  /** Those that are not where they should be, although their port is there. */
  private readonly adrift = new Set<string>();
  /** Why a link could not be given back, by endpoint id; it is tried again when everything is read anew. */
  private readonly failures = new Map<string, string>();

  constructor(private readonly sandboxes: Sandboxes) {}

  /** Why a container is without its link, if it was tried to give it back. */
  get failure(): string | undefined {
    return [...this.failures.values()][0];
  }

  /** Those that went are forgotten, and what failed may be tried again. */
  doubt(): void {
    this.failures.clear();
  }

  /**
   * Looks into a few of the containers that have a port and were not looked into yet.
   * @param ends by endpoint id: those that have a port.
   * @param mtus of their networks, in bytes, by endpoint id: an end that Docker moved in before this changed gets it.
   * @returns whether one of them is without its end.
   */
  async learn(ends: ReadonlyMap<string, ContainerEnd>, mtus: ReadonlyMap<string, number>): Promise<boolean> {
    for (const id of this.known.keys()) if (!ends.has(id)) this.known.delete(id);
    const unknown = [...ends].filter(([id]) => !this.known.has(id) && !this.failures.has(id)).slice(0, mostLooks);
    for (const [id, { sandboxKey, link }] of unknown) {
      // A container that ends just now has nothing to learn from.
      const found = await this.sandboxes.find(sandboxKey, link.mac).catch(() => 'gone' as const);
      if (found === undefined) this.adrift.add(id);
      else if (found !== 'gone') this.known.set(id, found);
    }
    await this.resize(ends, mtus);
    return this.adrift.size > 0;
  }

  /** Gives the MTU to the ends that are known to have another one. What fails, as in a container that ends just now, is learnt again. */
  async resize(ends: ReadonlyMap<string, ContainerEnd>, mtus: ReadonlyMap<string, number>): Promise<void> {
    for (const [id, { sandboxKey, link }] of ends) {
      const [end, mtu] = [this.known.get(id), mtus.get(id)];
      if (!end || mtu === undefined || end.mtu === mtu) continue;
      const done = await this.sandboxes.setMtu(sandboxKey, link.mac, mtu).then(() => true, () => false);
      if (done) this.known.set(id, { ...end, mtu });
      else this.known.delete(id);
    }
  }

  /** Whether the container's link can be made anew, and is not there in another way. */
  async canGive(id: string, end: ContainerEnd | undefined): Promise<boolean> {
    if (!end || this.failures.has(id)) return false;
    return this.trying(id, () => this.sandboxes.find(end.sandboxKey, end.link.mac));
  }

  isAdrift(id: string): boolean {
    return this.adrift.has(id);
  }

  /** Moves the new link's end into the container. Returns whether that worked. */
  async give(id: string, { sandboxKey, link }: ContainerEnd): Promise<boolean> {
    this.adrift.delete(id);
    return this.trying(id, async () => {
      const before = this.known.get(id);
      const end = await this.sandboxes.give(sandboxKey, containerLinkName(id), { ...link, ...(before ? { name: before.name, gateways: before.gateways } : {}) });
      this.known.set(id, { ...(before ?? end), mtu: end.mtu });
    });
  }

  private async trying(id: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.failures.delete(id);
      return true;
    } catch (error) {
      this.failures.set(id, messageOf(error));
      return false;
    }
  }
}
