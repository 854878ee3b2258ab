import { execa } from 'execa';
import t from 'tap';
import { KernelFabric } from '../../daemon/kernel/fabric.js';
import { KernelHostNetwork } from '../../daemon/kernel/host.js';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { routerName } from '../../daemon/kernel/netns.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { diffFabric } from '../../src/fabric/diff.js';
import { bridgeName, containerLinkName } from '../../src/fabric/names.js';
import { planFabric } from '../../src/fabric/plan.js';
import type { FabricEndpoint } from '../../src/fabric/state.js';
import { defaultUplinkRanges, uplinkLink, type UplinkLink } from '../../src/fabric/uplink.js';
import { diffHost } from '../../src/host/diff.js';
import type { HostPublication, HostUplink } from '../../src/host/input.js';
import { planHost } from '../../src/host/plan.js';
import { IpAddress, Mac, Prefix } from '../../src/model/address.js';
import type { Protocol } from '../../src/model/service.js';
import type { NatInput } from '../../src/nat/input.js';
import { planNat } from '../../src/nat/plan.js';
import { inContainer, startContainer, stopContainer } from '../support/containers.js';
import { Probe } from '../support/probe.js';
import { endpointId } from '../unit/fabric/arbitraries.js';

// A throw-away host with a neighbour on its LAN, and two tenants with the same subnets, whose containers
// reach out and are published. Docker is there in so far as the chain FORWARD drops what it does not know.

const sockets = new RtnetlinkSockets();
const routers = new KernelRouters(sockets);
const fabric = new KernelFabric(sockets);
const nftables = new KernelNftables();
export const host = new KernelHostNetwork(sockets);

const ip = (text: string): IpAddress => IpAddress.parse(text);

const subnets = [
  { prefix: Prefix.parse('10.1.0.0/24'), gateway: ip('10.1.0.254') },
  { prefix: Prefix.parse('fd00:1::/64'), gateway: ip('fd00:1::ff') },
] as const;

/** The addresses of the host and of its neighbour. */
export const addresses = { host: { 4: '192.168.50.11', 6: 'fd00:50::11' }, lan: { 4: '192.168.50.12', 6: 'fd00:50::12' } } as const;

interface Container {
  readonly name: string;
  readonly tenant: string;
  readonly number: number;
}

/** b1 and r1 have the same addresses. */
const containers: readonly Container[] = [
  { name: 'b1', tenant: 'blue', number: 1 },
  { name: 'b2', tenant: 'blue', number: 2 },
  { name: 'r1', tenant: 'red', number: 1 },
];

interface PublishedPort extends HostPublication {
  readonly container: string;
  readonly port: number;
}

const both = [4, 6] as const;
const published: readonly PublishedPort[] = [
  ...(['tcp', 'udp'] as const).flatMap((protocol): PublishedPort[] => [
    { container: 'b1', protocol, port: 8080, hostPort: 80, routerPort: 1, families: both },
    { container: 'r1', protocol, port: 8080, hostPort: 81, routerPort: 1, families: both },
    { container: 'b2', protocol, port: 8080, hostPort: 82, routerPort: 2, families: both, hostIp: ip(addresses.host[4]) },
    { container: 'b2', protocol, port: 8080, hostPort: 83, routerPort: 3, families: both, hostIp: ip('127.0.0.1') },
  ]),
];

export function addressOf(container: string, family: 4 | 6): string {
  const { number = 0 } = containers.find(({ name }) => name === container) ?? {};
  return family === 4 ? `10.1.0.${number}` : `fd00:1::${number}`;
}

const links: Readonly<Record<string, UplinkLink>> = {
  blue: uplinkLink({ host: 'h1', tenant: 'blue', index: 0 }, defaultUplinkRanges),
  red: uplinkLink({ host: 'h1', tenant: 'red', index: 1 }, defaultUplinkRanges),
};

function linkOf(tenant: string): UplinkLink {
  const link = links[tenant];
  if (!link) throw new Error(`${tenant} has no uplink`);
  return link;
}

/** What the routers of both tenants and the host must hold. @param reachable whether the host reaches the containers of blue. */
export function uplinks({ reachable = false } = {}): HostUplink[] {
  return Object.entries(links).map(([tenant, link]) => ({
    link,
    subnets: subnets.map(({ prefix }) => prefix),
    reachable: reachable && tenant === 'blue' ? subnets.map(({ prefix }) => prefix) : [],
    publications: published.filter(({ container }) => containers.some(({ name, tenant: of }) => name === container && of === tenant)),
  }));
}

function natOf(tenant: string): NatInput {
  const { router } = linkOf(tenant);
  const services = published
    .filter(({ container }) => containers.some(({ name, tenant: of }) => name === container && of === tenant))
    .map(({ container, protocol, port, routerPort }) => ({
      addresses: [router.ipv4, router.ipv6],
      ports: [{ port: routerPort, targetPort: port, protocol }],
      providers: [{ addresses: both.map((family) => ip(addressOf(container, family))) }],
    }));
  const network = { bridge: bridgeName(1), ipv4: subnets[0], ipv6: subnets[1], outward: true, fromHost: tenant === 'blue' };
  return { networks: [network], services };
}

const probes = new Map<string, Probe>();

/** Brings the host's own namespace to what these uplinks want; returns how many steps it took. */
export async function reconcileHost(desired: readonly HostUplink[]): Promise<number> {
  const steps = diffHost(planHost({ uplinks: desired }), await host.read());
  await host.apply(steps);
  return steps.length;
}

export async function reconcileRouter(tenant: string): Promise<number> {
  const endpoints = containers.filter((container) => container.tenant === tenant).map(endpointOf);
  const steps = diffFabric(planFabric({ networks: [{ vni: 1, subnets }], endpoints, serviceAddresses: [], uplink: linkOf(tenant) }), await fabric.read(tenant));
  await fabric.apply(tenant, steps);
  return steps.length;
}

export async function startBed(): Promise<void> {
  t.teardown(stopBed);
  await startLan();
  for (const program of ['iptables', 'ip6tables']) await execa(program, ['-P', 'FORWARD', 'DROP']);
  for (const tenant of Object.keys(links)) {
    await routers.ensure(tenant);
    await nftables.replace(tenant, planNat(natOf(tenant)));
    await reconcileRouter(tenant);
  }
  for (const container of containers) await startOne(container);
  await reconcileHost(uplinks());
}

/** Whoever can do all with a router's namespace, as a container that broke out. */
export function breakIntoRouter(tenant: string): string {
  const name = routerName(tenant);
  probes.set(name, new Probe(name));
  return name;
}

/** The namespace sends packets for 127.0.0.0/8 to another machine, which no kernel does by itself. */
export async function leadLoopback(name: string, via: string, link: string): Promise<void> {
  await inContainer(name, 'ip', 'address', 'delete', '127.0.0.1/8', 'dev', 'lo');
  await inContainer(name, 'sysctl', '-qw', `net.ipv4.conf.${link}.route_localnet=1`);
  await inContainer(name, 'ip', 'route', 'add', '127.0.0.0/8', 'via', via, 'dev', link);
}

async function stopBed(): Promise<void> {
  for (const probe of probes.values()) await probe.kill();
  for (const name of [...containers.map(({ name }) => name), 'lan', 'host']) await stopContainer(name);
  for (const tenant of Object.keys(links)) await routers.remove(tenant);
  await sockets.close();
}

/** The neighbour, and names for its namespace and the host's. */
async function startLan(): Promise<void> {
  await execa('ip', ['netns', 'attach', 'host', String(process.pid)]);
  await execa('ip', ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'lan0']);
  await startContainer('lan', 'lan0', `${addresses.lan[4]}/24`);
  await inContainer('lan', 'ip', 'address', 'add', `${addresses.lan[6]}/64`, 'dev', 'eth0', 'nodad');
  for (const address of [`${addresses.host[4]}/24`, `${addresses.host[6]}/64`]) await execa('ip', ['address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : [])]);
  await execa('ip', ['link', 'set', 'eth0', 'up']);
  for (const name of ['lan', 'host']) {
    probes.set(name, new Probe(name));
    for (const protocol of ['tcp', 'udp'] as const) await probe(name).do({ do: 'serve', name, protocol, port: 9000 });
  }
  // A port that the host publishes.
  for (const protocol of ['tcp', 'udp'] as const) await probe('lan').do({ do: 'serve', name: 'lan', protocol, port: 80 });
}

function endpointOf(container: Container): FabricEndpoint {
  const own = both.map((family) => ip(addressOf(container.name, family)));
  return { id: idOf(container), vni: 1, addresses: own, mac: Mac.fromIp(own[0] ?? ip('10.1.0.1')) };
}

function idOf({ tenant, number }: Container): string {
  return endpointId(number + (tenant === 'red' ? 100 : 0));
}

async function startOne(container: Container): Promise<void> {
  const { name } = container;
  await startContainer(name, containerLinkName(idOf(container)), `${addressOf(name, 4)}/24`, '10.1.0.254');
  await inContainer(name, 'ip', 'address', 'add', `${addressOf(name, 6)}/64`, 'dev', 'eth0', 'nodad');
  await inContainer(name, 'ip', 'route', 'add', 'default', 'via', 'fd00:1::ff');
  probes.set(name, new Probe(name));
  for (const protocol of ['tcp', 'udp'] as const) await probe(name).do({ do: 'serve', name, protocol, port: 8080 });
}

export function probe(name: string): Probe {
  const found = probes.get(name);
  if (!found) throw new Error(`${name} was not started`);
  return found;
}

/** Milliseconds: far more than an answer takes on a busy machine, and how long nothing must come to count as silence. */
const [patience, shortPatience] = [3_000, 300];

/** A connection that stays. */
export function open(from: string, connection: number, address: string, port: number): Promise<string> {
  return probe(from).do({ do: 'open', connection, address, port, patience });
}

export function say(from: string, connection: number): Promise<string> {
  return probe(from).do({ do: 'say', connection, patience });
}

/** A new connection, or datagram; what is answered: who serves, and whom it sees. */
export function ask(from: string, protocol: Protocol, address: string, port: number, expected?: string): Promise<string> {
  return probe(from).do({ do: 'ask', protocol, address, port, patience: expected === 'silence' ? shortPatience : patience });
}
