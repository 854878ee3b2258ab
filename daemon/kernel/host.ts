import { FlagsNew } from 'netlink';
import { hostState } from '../../src/host/keys.js';
import type { HostState, HostStep } from '../../src/host/state.js';
import { FabricWatch } from './fabric-watch.js';
import { closeForward, ForwardAccepts } from './host-accepts.js';
import { readForeignRoutes, readHostLinks } from './host-read.js';
import { readHostSettings, writeHostSetting } from './host-settings.js';
import { HostTable, ownNamespace } from './host-table.js';
import { addAddress, deleteAddress, deleteLink, deleteNeighbour, gone, onLink, placeOf, replace, setNeighbour, upFlag, type Place } from './link-items.js';
import { octetsOfMac } from './netlink-octets.js';
import type { HostNetwork, HostRoute } from './port.js';
import { hostRouteMessage } from './route-shapes.js';
import { kernelError, tolerating } from './rtnetlink-errors.js';
import type { RtnetlinkSockets } from './rtnetlink-sockets.js';

type Action = HostStep['action'];
type StepOf<A extends Action> = Extract<HostStep, { action: A }>;
type Executors = { readonly [A in Action]: (place: Place, step: StepOf<A>) => Promise<void> };

/** The host's own namespace: links and what is on them over rtnetlink, rules by nft and iptables, settings below /proc/sys. */
export class KernelHostNetwork implements HostNetwork {
  readonly #table = new HostTable();
  readonly #accepts = new ForwardAccepts();
  #watch: FabricWatch | undefined;
  /** The uplinks that were there, by name. */
  #links: readonly string[] = [];
  /** What is not told by the kernel but asked for, as it was last: the number of the nftables rules, and the settings. */
  #rest: string | undefined;

  constructor(private readonly sockets: RtnetlinkSockets) {}

  async read(): Promise<HostState> {
    try {
      const generation = await this.#table.generation();
      const [links, rules, accepts] = await Promise.all([readHostLinks(this.sockets.ofHost()), this.#table.read(generation), this.#accepts.read(generation)]);
      this.#links = links.links.map(({ name }) => name);
      const settings = readHostSettings(this.#links);
      return hostState({ ...links, settings, accepts, rules });
    } catch (error) {
      throw kernelError("read the host's own links and rules", error);
    }
  }

  async apply(steps: readonly HostStep[]): Promise<void> {
    const place = placeOf(this.sockets.ofHost());
    for (const step of steps) {
      try {
        await (this.#executors[step.action] as (place: Place, step: HostStep) => Promise<void>)(place, step);
      } catch (error) {
        throw kernelError(`${wordsOf(step)} on the host`, error);
      }
    }
  }

  async foreignRoutes(): Promise<HostRoute[]> {
    try {
      return await readForeignRoutes(this.sockets.ofHost());
    } catch (error) {
      throw kernelError('read the routes of the host', error);
    }
  }

  async hasChanged(): Promise<boolean> {
    try {
      this.#watch ??= FabricWatch.open(ownNamespace);
      const changed = this.#watch.changed(this.sockets.ofHost().port);
      const rest = `${await this.#table.generation()} ${JSON.stringify(readHostSettings(this.#links))}`;
      const differs = rest !== this.#rest;
      this.#rest = rest;
      return changed || differs;
    } catch (error) {
      throw kernelError("see whether the host's own network was changed", error);
    }
  }

  readonly #executors: Executors = {
    setRules: (_, { text }) => this.#table.write(text),
    deleteRules: () => this.#table.delete(),
    setAccept: (_, { accept, present }) => this.#accepts.set(accept, present),
    closeForward: (_, { family }) => closeForward(family),
    // eslint-disable-next-line @typescript-eslint/require-await -- a refusal must reject, not throw
    setSetting: async (_, { path, value }) => writeHostSetting(path, value),
    setLink: async ({ rtnetlink }, { link }) => {
      const attrs = { ifname: link.name, address: octetsOfMac(link.mac) };
      await rtnetlink.request((socket, options) => socket.setLink(upFlag(link.up), attrs, options));
    },
    deleteLink: (place, { name }) => deleteLink(place, name),
    addAddress: (place, { address }) => addAddress(place, address),
    deleteAddress: (place, { address }) => deleteAddress(place, address),
    setNeighbour: (place, { neighbour }) => setNeighbour(place, neighbour),
    deleteNeighbour: (place, { neighbour }) => deleteNeighbour(place, neighbour),
    setRoute,
    deleteRoute: (place, { route }) =>
      onLink(place, route.link, ['ESRCH', ...gone], (index) => {
        const { data, attrs } = hostRouteMessage(route, index);
        return place.rtnetlink.request((socket, options) => socket.delRoute(data, attrs, options));
      }),
  };
}

/** To ::1 each uplink has a route of its own, and IPv6 replaces a route to the same prefix whichever link it leads to. */
async function setRoute({ rtnetlink, indexes }: Place, { route }: StepOf<'setRoute'>): Promise<void> {
  const { data, attrs } = hostRouteMessage(route, await indexes.of(route.link));
  const flags = route.kind === 'loopback' ? { flags: FlagsNew.CREATE } : replace;
  await tolerating(route.kind === 'loopback' ? ['EEXIST'] : [], rtnetlink.request((socket, options) => socket.newRoute(data, attrs, { ...options, ...flags })));
}

/** The step as a person reads it: `addAddress` is "add address", and of what. */
function wordsOf(step: HostStep): string {
  const verb = step.action.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${verb} ${subjectOf(step)}`.trimEnd();
}

function subjectOf(step: HostStep): string {
  switch (step.action) {
    case 'setRules':
    case 'deleteRules':
      return '';
    case 'setAccept':
      return step.accept;
    case 'closeForward':
      return `of IPv${step.family}`;
    case 'setSetting':
      return step.path;
    case 'setLink':
      return step.link.name;
    case 'deleteLink':
      return step.name;
    case 'addAddress':
    case 'deleteAddress':
      return `${step.address.address.toString()} of ${step.address.link}`;
    case 'setNeighbour':
    case 'deleteNeighbour':
      return `${step.neighbour.address.toString()} of ${step.neighbour.link}`;
    case 'setRoute':
    case 'deleteRoute':
      return step.route.prefix.toString();
  }
}
