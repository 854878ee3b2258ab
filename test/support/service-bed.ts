import { KernelConntrack } from '../../daemon/kernel/conntrack.js';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { diffFabric } from '../../src/fabric/diff.js';
import { containerLinkName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import type { FabricEndpoint, FabricNetwork } from '../../src/fabric/state.js';
import { IpAddress, Mac } from '../../src/model/address.js';
import { subnetsOf } from '../../src/model/network.js';
import type { Protocol } from '../../src/model/service.js';
import { planNat } from '../../src/nat/plan.js';
import { hosts, input, served } from '../unit/nat/scenario.js';
import type { Host, Step } from '../unit/nat/scenario.js';
import { inContainer, startContainer, stopContainer } from './containers.js';
import { Probe } from './probe.js';

/** The tenant of the bed. */
export const tenant = 'blue';

/** How long to wait for an answer, in milliseconds: far more than one takes on a busy machine. */
const patience = 2_000;
/** How long nothing must come before it counts as silence. */
const shortPatience = 300;

const names = Object.keys(hosts) as Host[];

/** The networks, containers and services of the scenario, in a router of the kernel's. */
export class ServiceBed {
  readonly #sockets = new RtnetlinkSockets();
  readonly #routers = new KernelRouters(this.#sockets);
  readonly nftables = new KernelNftables();
  readonly conntrack = new KernelConntrack();
  readonly #probes = new Map<Host, Probe>();

  async start(): Promise<void> {
    await this.#routers.ensure(tenant);
    const fabric = new KernelFabric(this.#sockets);
    await this.nftables.replace(tenant, planNat(input));
    await fabric.apply(tenant, diffFabric(fabricOf(), await fabric.read(tenant)));
    this.#routers.leaveNetfilterToBridges(tenant);
    for (const name of names) await this.#startHost(name);
  }

  async stop(): Promise<void> {
    for (const name of names) await this.stopHost(name);
    await this.#routers.remove(tenant);
    await this.#sockets.close();
  }

  /** The container ends, and its links with it. */
  async stopHost(name: Host): Promise<void> {
    await this.#probes.get(name)?.kill();
    await stopContainer(name);
  }

  probe(name: Host): Probe {
    const probe = this.#probes.get(name);
    if (!probe) throw new Error(`${name} was not started`);
    return probe;
  }

  /** A new connection; what answers, and after how many milliseconds. A step that expects silence waits less long. */
  async ask([from, protocol, address, port, answer]: Step, sourcePort?: number): Promise<{ word: string; took: number }> {
    const start = performance.now();
    const task = { do: 'ask', protocol, address, port, patience: answer === 'silence' ? shortPatience : patience } as const;
    const word = await this.probe(from).do(sourcePort === undefined ? task : { ...task, sourcePort });
    return { word, took: performance.now() - start };
  }

  /** So many new connections, in turn from the addresses if there are any: who answered each. */
  async survey(from: Host, protocol: Protocol, address: string, port: number, times: number, sources: readonly string[] = []): Promise<string[]> {
    const words = await this.probe(from).do({ do: 'survey', protocol, address, port, times, sources, patience });
    return (JSON.parse(words) as string[]).map((word) => word.split(' ')[0] ?? word);
  }

  async open(from: Host, connection: number, address: string, port: number): Promise<string> {
    return this.probe(from).do({ do: 'open', connection, address, port, patience });
  }

  async say(from: Host, connection: number): Promise<string> {
    return this.probe(from).do({ do: 'say', connection, patience });
  }

  async #startHost(name: Host): Promise<void> {
    const { link, routes } = placeOf(name);
    const [first, ...others] = routes;
    if (!first) throw new Error(`${name} has no address`);
    await startContainer(name, link, first.address, first.gateway);
    for (const { address, gateway } of others) {
      await inContainer(name, 'ip', 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
      if (gateway !== undefined) await inContainer(name, 'ip', 'route', 'add', 'default', 'via', gateway);
    }
    const probe = new Probe(name);
    this.#probes.set(name, probe);
    for (const { protocol, port } of served) await probe.do({ do: 'serve', name, protocol, port });
  }
}

function idOf(name: Host): string {
  return Buffer.from(name).toString('hex').padStart(12, '0').padEnd(64, '0');
}

function placeOf(name: Host): { link: string; routes: { address: string; gateway: string | undefined }[] } {
  const { vni, addresses } = hosts[name];
  const routes = addresses.map((text) => {
    const subnet = networkOf(vni).subnets.find(({ prefix }) => prefix.contains(IpAddress.parse(text)));
    return { address: `${text}/${subnet?.prefix.length}`, gateway: subnet?.gateway?.toString() };
  });
  return { link: containerLinkName(idOf(name)), routes };
}

function networkOf(vni: number): FabricNetwork {
  const network = input.networks.find(({ bridge }) => bridge === `br${vni}`);
  return { vni, subnets: network ? subnetsOf(network) : [], netfilter: true };
}

function fabricOf(): ReturnType<typeof planFabric> {
  const endpoints = names.map((name): FabricEndpoint => {
    const addresses = hosts[name].addresses.map((text) => IpAddress.parse(text));
    return { id: idOf(name), vni: hosts[name].vni, addresses, mac: Mac.fromIp(IpAddress.parse(hosts[name].addresses[0])) };
  });
  return planFabric({ networks: [1, 2, 3].map(networkOf), endpoints, serviceAddresses: input.services.flatMap(({ addresses }) => addresses) });
}
