import { writeFileSync } from 'node:fs';
import { execa } from 'execa';
import t from 'tap';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { routerName } from '../../daemon/kernel/netns.js';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { KernelPinger } from '../../daemon/kernel/pinger.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { KernelSandboxes } from '../../daemon/kernel/sandboxes.js';
import { diffFabric } from '../../src/fabric/diff.js';
import { bridgeName, containerLinkName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import type { FabricInput, FabricState } from '../../src/fabric/state.js';
import { planHost } from '../../src/host/plan.js';
import { IpAddress, Mac, Prefix } from '../../src/model/address.js';
import type { Protocol } from '../../src/model/service.js';
import type { NatInput } from '../../src/nat/input.js';
import { planNat } from '../../src/nat/plan.js';
import { inContainer, startContainer } from '../support/containers.js';
import { Probe } from '../support/probe.js';
import { endpointId } from '../unit/fabric/arbitraries.js';

// Three hosts and a stranger on one LAN, all of them network namespaces. The hosts share the networks of two tenants, whose subnets
// are the same; the routers are made by the real adapters, each in its host.

export const hosts = ['h1', 'h2', 'h3'] as const;
export type HostName = (typeof hosts)[number];
type Family = 4 | 6;

const ip = (text: string): IpAddress => IpAddress.parse(text);

/** UDP, of VXLAN that is encrypted. */
export const encryptedPort = 4790;

/** Of everybody on the LAN; the stranger is number 9. */
export const underlayOf = (name: string, family: Family): string => `${family === 4 ? '192.0.2.' : '2001:db8::'}${name === 'stranger' ? 9 : name.slice(1)}`;

/** The networks a and b of tenant blue, and r of red, which has the subnets of a. */
const networks = {
  a: { tenant: 'blue', vni: 1, ipv4: '10.1.0', ipv6: 'fd00:1::' },
  b: { tenant: 'blue', vni: 2, ipv4: '10.2.0', ipv6: 'fd00:2::' },
  r: { tenant: 'red', vni: 3, ipv4: '10.1.0', ipv6: 'fd00:1::' },
} as const;
type NetworkName = keyof typeof networks;
type Tenant = 'blue' | 'red';

/** A container is called by its network and its host: a2 is in network a on host h2. a2 and r2 have the same addresses. */
export const containers = ['a1', 'a2', 'b1', 'b2', 'b3', 'r1', 'r2'] as const;
export type ContainerName = (typeof containers)[number];

const networkOf = (container: ContainerName): NetworkName => container[0] as NetworkName;
const hostOf = (container: ContainerName): HostName => `h${container[1]}` as HostName;
export const namespaceOf = (container: ContainerName): string => routerName(container);

export function addressOf(container: ContainerName, family: Family): string {
  return family === 4 ? `${networks[networkOf(container)].ipv4}.${container[1]}` : `${networks[networkOf(container)].ipv6}${container[1]}`;
}

/** Of the only service of blue, over all its containers but a1. It is in network a. */
export const serviceIp = { 4: '10.1.0.100', 6: 'fd00:1::100' } as const;
export const providers: readonly ContainerName[] = ['a2', 'b1', 'b2', 'b3'];

/** What all hosts agree on. */
export interface Overlay {
  readonly family: Family;
  readonly mtu: number;
}

export class OverlayBed {
  overlay: Overlay = { family: 4, mtu: 1450 };
  /** Where the hosts are reached by tunnels; absent: networks are not encrypted. */
  tunnels?: (host: HostName) => IpAddress;
  private readonly parts = new Map(hosts.map((host) => [host, partsOf(host)]));
  private readonly probes = new Map<ContainerName, Probe>();
  private readonly nftables = new KernelNftables();
  private readonly pinger = new KernelPinger();

  async start(): Promise<void> {
    t.teardown(() => this.stop());
    await startLan();
    for (const host of hosts) {
      await this.guard(host, hosts);
      for (const tenant of ['blue', 'red'] as const) await this.startRouter(host, tenant);
    }
    await Promise.all(containers.map((container) => this.startOne(container)));
  }

  /** Brings a router to its plan. Returns how many steps that took. */
  async reconcile(host: HostName, tenant: Tenant): Promise<number> {
    const { fabric } = this.of(host);
    const steps = diffFabric(this.plan(host, tenant), await fabric.read(`${tenant}-${host}`));
    await fabric.apply(`${tenant}-${host}`, steps);
    return steps.length;
  }

  plan(host: HostName, tenant: Tenant): FabricState {
    return planFabric(this.input(host, tenant));
  }

  read(host: HostName, tenant: Tenant): Promise<FabricState> {
    return this.of(host).fabric.read(`${tenant}-${host}`);
  }

  /** All routers, and the containers' ends, as netctld does when what the hosts agree on is another thing. */
  async change(overlay: Overlay): Promise<void> {
    this.overlay = overlay;
    for (const host of hosts) for (const tenant of ['blue', 'red'] as const) await this.reconcile(host, tenant);
    const sandboxes = new KernelSandboxes(this.of('h1').sockets);
    for (const container of containers) await sandboxes.setMtu(`/run/netns/${namespaceOf(container)}`, macOf(container), overlay.mtu);
  }

  /** The host takes VXLAN from these hosts only; without any it takes it from everybody. */
  async guard(host: HostName, known: readonly HostName[]): Promise<void> {
    const addresses = known.flatMap((name) => ([4, 6] as const).map((family) => ip(underlayOf(name, family))));
    const { rules = '' } = known.length === 0 ? {} : planHost({ uplinks: [], overlay: { port: 4789, encryptedPort, hosts: addresses } });
    writeFileSync('/run/rules', `add table inet netctl_host\ndelete table inet netctl_host\n${rules}`);
    await inContainer(host, 'nft', '-f', '/run/rules');
  }

  /** Who serves there, and whom it sees. */
  ask(from: ContainerName, protocol: Protocol, address: string, port: number): Promise<string> {
    return this.probe(from).do({ do: 'ask', protocol, address, port, patience: 5_000 });
  }

  async survey(from: ContainerName, protocol: Protocol, address: string, port: number, times: number): Promise<string[]> {
    return JSON.parse(await this.probe(from).do({ do: 'survey', protocol, address, port, times, sources: [], patience: 5_000 })) as string[];
  }

  /** What becomes of an echo request with an IP packet of this length in octets, which nobody may cut into fragments. */
  async echo(from: ContainerName, address: string, { length = 84, timeoutMs = 5_000 } = {}): Promise<string> {
    return (await this.pinger.echo(from, ip(address), { length, timeoutMs })).outcome;
  }

  private async startRouter(host: HostName, tenant: Tenant): Promise<void> {
    await this.of(host).routers.ensure(`${tenant}-${host}`);
    await this.nftables.replace(`${tenant}-${host}`, planNat(natOf(tenant)));
    await this.reconcile(host, tenant);
    this.of(host).routers.leaveNetfilterToBridges(`${tenant}-${host}`);
  }

  private async startOne(container: ContainerName): Promise<void> {
    const name = namespaceOf(container);
    const { ipv4, ipv6 } = networks[networkOf(container)];
    await startContainer(name, containerLinkName(idOf(container)), `${addressOf(container, 4)}/24`, `${ipv4}.254`);
    await inContainer(name, 'ip', 'address', 'add', `${addressOf(container, 6)}/64`, 'dev', 'eth0', 'nodad');
    await inContainer(name, 'ip', 'route', 'add', 'default', 'via', `${ipv6}ff`);
    const probe = new Probe(name);
    this.probes.set(container, probe);
    for (const protocol of ['tcp', 'udp'] as const) await probe.do({ do: 'serve', name: container, protocol, port: 8080 });
  }

  private input(host: HostName, tenant: Tenant): FabricInput {
    const { family, mtu } = this.overlay;
    const underlayAt = this.tunnels ?? ((host: HostName) => ip(underlayOf(host, family)));
    const encrypted = this.tunnels ? { encrypted: true as const } : {};
    const own = Object.values(networks).filter((network) => network.tenant === tenant);
    const endpoints = containers.filter((container) => networks[networkOf(container)].tenant === tenant).map((container) => ({ container, ...endpointOf(container) }));
    return {
      networks: own.map(({ vni, ipv4, ipv6 }) => ({ vni, ...encrypted, ...(tenant === 'blue' ? { netfilter: true as const } : {}), subnets: [subnet(`${ipv4}.0/24`, `${ipv4}.254`), subnet(`${ipv6}/64`, `${ipv6}ff`)] })),
      endpoints: endpoints.filter(({ container }) => hostOf(container) === host),
      serviceAddresses: tenant === 'blue' ? [ip(serviceIp[4]), ip(serviceIp[6])] : [],
      overlay: {
        ...{ local: ip(underlayOf(host, family)), port: 4789, mtu, encrypted: { local: ip('::'), port: encryptedPort, mtu } },
        remotes: endpoints.filter(({ container }) => hostOf(container) !== host).map((endpoint) => ({ ...endpoint, underlay: underlayAt(hostOf(endpoint.container)) })),
      },
    };
  }

  private probe(container: ContainerName): Probe {
    const probe = this.probes.get(container);
    if (!probe) throw new Error(`${container} was not started`);
    return probe;
  }

  private of(host: HostName): HostParts {
    const parts = this.parts.get(host);
    if (!parts) throw new Error(`there is no ${host}`);
    return parts;
  }

  private async stop(): Promise<void> {
    for (const probe of this.probes.values()) await probe.kill();
    for (const { sockets } of this.parts.values()) await sockets.close();
  }
}

interface HostParts {
  readonly sockets: RtnetlinkSockets;
  readonly routers: KernelRouters;
  readonly fabric: KernelFabric;
}

function partsOf(host: HostName): HostParts {
  const sockets = new RtnetlinkSockets(`/run/netns/${host}`);
  return { sockets, routers: new KernelRouters(sockets), fabric: new KernelFabric(sockets) };
}

let counters = 0;

/** Counts the frames that come in by a link and match. */
export async function countIncoming(namespace: string, link: string, match: string): Promise<() => Promise<number>> {
  counters += 1;
  const table = `netdev counter${counters}`;
  await inContainer(namespace, 'nft', `add table ${table}; add chain ${table} in { type filter hook ingress device "${link}" priority 0; }; add rule ${table} in ${match} counter`);
  return async () => Number(/counter packets (\d+)/.exec(await inContainer(namespace, 'nft', 'list', 'table', ...table.split(' ')))?.[1]);
}

/** A bridge in a namespace of its own, and everybody at it. */
async function startLan(): Promise<void> {
  await execa('ip', ['netns', 'add', 'lan']);
  await inContainer('lan', 'ip', 'link', 'add', 'lan', 'up', 'type', 'bridge');
  for (const name of [...hosts, 'stranger']) {
    await execa('ip', ['link', 'add', 'peer', 'type', 'veth', 'peer', 'name', name, 'netns', 'lan']);
    await inContainer('lan', 'ip', 'link', 'set', name, 'master', 'lan', 'up');
    await startContainer(name, 'peer', `${underlayOf(name, 4)}/24`);
    await inContainer(name, 'ip', 'address', 'add', `${underlayOf(name, 6)}/64`, 'dev', 'eth0', 'nodad');
  }
}

/** The MTU of every link of the LAN, in bytes. */
export async function setUnderlayMtu(mtu: number): Promise<void> {
  for (const name of [...hosts, 'stranger']) {
    await inContainer('lan', 'ip', 'link', 'set', name, 'mtu', String(mtu));
    await inContainer(name, 'ip', 'link', 'set', 'eth0', 'mtu', String(mtu));
  }
}

function natOf(tenant: Tenant): NatInput {
  const own = Object.values(networks).filter((network) => network.tenant === tenant);
  return {
    networks: own.map(({ vni, ipv4, ipv6 }) => ({ bridge: bridgeName(vni), ipv4: subnet(`${ipv4}.0/24`, `${ipv4}.254`), ipv6: subnet(`${ipv6}/64`, `${ipv6}ff`), outward: false, fromHost: false })),
    services:
      tenant === 'red'
        ? []
        : (['tcp', 'udp'] as const).map((protocol) => ({
            addresses: [ip(serviceIp[4]), ip(serviceIp[6])],
            ports: [{ protocol, port: 80, targetPort: 8080 }],
            providers: providers.map((provider) => ({ addresses: endpointOf(provider).addresses })),
          })),
  };
}

function endpointOf(container: ContainerName): { id: string; vni: number; addresses: IpAddress[]; mac: Mac } {
  return { id: idOf(container), vni: networks[networkOf(container)].vni, addresses: [ip(addressOf(container, 4)), ip(addressOf(container, 6))], mac: macOf(container) };
}

function macOf(container: ContainerName): Mac {
  return Mac.fromIp(ip(addressOf(container, 4)));
}

function idOf(container: ContainerName): string {
  return endpointId(containers.indexOf(container) + 1);
}

function subnet(prefix: string, gateway: string): { prefix: Prefix; gateway: IpAddress } {
  return { prefix: Prefix.parse(prefix), gateway: ip(gateway) };
}
