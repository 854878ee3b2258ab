import type { PortPeer } from '../../src/fabric/state.js';
import { hostState } from '../../src/host/keys.js';
import { forwarding, linkSettings } from '../../src/host/settings.js';
import type { HostState, HostStep } from '../../src/host/state.js';
import type { FakeFabric } from './fabric-fake.js';
import { stepped } from './host-model.js';
import type { HostNetwork, HostRoute } from './port.js';
import { kernelError } from './rtnetlink-errors.js';

/** The settings of a host's end as the kernel makes them. */
const newLinkSettings: Readonly<Record<string, string>> = { route_localnet: '0', disable_ipv6: '0', addr_gen_mode: '0', accept_ra: '1' };

/** The host's own namespace without a kernel. Its links are the uplinks of the fake routers. */
export class FakeHostNetwork implements HostNetwork {
  /** What a test says the host has besides. */
  readonly routes: HostRoute[] = [];
  #state = hostState({
    settings: [[forwarding[4], '0'], [forwarding[6], '0']],
    accepts: [['4 in', false], ['4 out', false], ['6 in', false], ['6 out', false]],
  });
  /** Which links there were when the state was last looked at: one that was made anew has nothing on it. */
  readonly #seen = new Map<string, PortPeer>();

  constructor(private readonly fabric: FakeFabric) {}

  read(): Promise<HostState> {
    this.#look();
    return Promise.resolve(this.#state);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a refusal must reject, not throw
  async apply(steps: readonly HostStep[]): Promise<void> {
    for (const step of steps) {
      this.#look();
      try {
        this.#state = stepped(this.#state, step);
      } catch (error) {
        throw kernelError(step.action, error);
      }
      if (step.action === 'deleteLink') this.fabric.deleteUplink(step.name);
    }
  }

  hasChanged(): Promise<boolean> {
    return Promise.resolve(true);
  }

  foreignRoutes(): Promise<HostRoute[]> {
    return Promise.resolve([...this.routes]);
  }

  /** Takes over which links the routers have made and lost meanwhile. */
  #look(): void {
    const present = new Map(this.fabric.hostEnds.map((end) => [end.name, end]));
    for (const [name, end] of this.#seen) {
      if (present.get(name) === end) continue;
      this.#state = stepped(this.#state, { action: 'deleteLink', name });
      this.#seen.delete(name);
    }
    for (const [name, end] of present) {
      if (this.#seen.has(name)) continue;
      this.#seen.set(name, end);
      const settings = linkSettings(name, new Set([4, 6])).map(([path]) => [path, newLinkSettings[path.split('/').at(-1) ?? ''] ?? ''] as const);
      this.#state = { ...this.#state, links: new Map([...this.#state.links, [name, { name, mac: end.mac, up: false }]]), settings: new Map([...this.#state.settings, ...settings]) };
    }
  }
}
