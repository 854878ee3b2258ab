import { AnsweringAddresses, answeredNetworks } from '../../../daemon/control/answered-networks.js';
import { netfilterBridges, withLasting } from '../../../src/fabric/netfilter.js';
import { planFabric } from '../../../src/fabric/plan.js';
import { bridgeName } from '../../../src/fabric/names.js';
import { diffFabric } from '../../../src/fabric/diff.js';
import { defaultUplinkRanges, uplinkLink, type UplinkLink } from '../../../src/fabric/uplink.js';
import { diffHost } from '../../../src/host/diff.js';
import { planHost } from '../../../src/host/plan.js';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { subnetsOf, type DockerBinding, type Network } from '../../../src/model/network.js';
import type { Service } from '../../../src/model/service.js';
import { decodeStored } from '../../../src/model/stored.js';
import { sameBehaviour } from '../../../src/nat/behaviour.js';
import { planNat } from '../../../src/nat/plan.js';
import { explain } from '../../../src/selectors/explain.js';
import type { Allocation } from '../../../src/model/allocation.js';
import type { Uplink } from '../../../src/model/uplink.js';
import type { NatService } from '../../../src/nat/input.js';
import type { Bed } from './bed.js';

interface Stored {
  readonly networks: readonly Network[];
  readonly services: readonly Service[];
  readonly endpoints: readonly Endpoint[];
  readonly bindings: readonly DockerBinding[];
  readonly allocations: readonly Allocation[];
  readonly vnis: readonly string[];
  readonly uplinks: readonly Uplink[];
  /** Keys of what is marked as being deleted. */
  readonly deleting: readonly string[];
}

/** What is wrong between the store, Docker and the kernel when all has come to rest: nothing, one hopes. */
export async function wrongs(bed: Bed): Promise<string[]> {
  const stored = await read(bed);
  const tenants = [...new Set(stored.networks.map(({ tenant }) => tenant))].sort();
  const routers = await bed.routers.list();
  const perTenant = await Promise.all(tenants.map((tenant) => routerWrongs(bed, stored, tenant)));
  return [
    ...differ('networks and tenants on their way out', stored.deleting, []),
    ...differ('routers', routers, tenants),
    ...differ('endpoints', stored.endpoints.map(({ id }) => id), attachedOf(bed).map(({ endpointId }) => endpointId)),
    ...differ('Docker networks', stored.bindings.map(({ dockerNetworkId }) => dockerNetworkId), [...bed.docker.networks.keys()]),
    ...differ('networks with a Docker network', stored.bindings.map(({ tenant, network }) => `${tenant}/${network}`), stored.networks.map(({ tenant, name }) => `${tenant}/${name}`)),
    ...differ('VNIs', stored.vnis, stored.networks.map(({ vni }) => `vnis/${vni}`)),
    ...stored.services.flatMap(({ name, drained }) => drained.filter((id) => !bed.docker.containers.has(id)).map((id) => `service ${name} remembers ${id}, which Docker no longer has`)),
    ...differ('held addresses', stored.allocations.filter(({ owner }) => owner.kind !== 'resting').map(holding), expectedHoldings(stored)),
    ...differ('held ports of the host', bed.ports.held.map(({ protocol, address, port }) => `${protocol} ${address.toString()} ${port}`), publishedOf(bed)),
    ...differ('tenants with an uplink', stored.uplinks.map(({ tenant }) => tenant), tenants.filter((tenant) => needsUplink(stored, tenant) || hadUplink(stored, tenant))),
    ...differ('numbers of uplinks', stored.uplinks.map(({ index }) => String(index)), [...new Set(stored.uplinks.map(({ index }) => String(index)))]),
    ...(await hostWrongs(bed, stored)),
    ...perTenant.flat(),
  ];
}

async function read(bed: Bed): Promise<Stored> {
  const { entries } = await bed.store.list('');
  const of = <T>(prefix: string, decode: (value: unknown) => T): T[] => entries.filter(({ key }) => key.startsWith(prefix)).map(({ value }) => decode(value));
  return {
    networks: of('networks/', decodeStored.network),
    services: of('services/', decodeStored.service),
    endpoints: of('endpoints/', decodeStored.endpoint),
    bindings: of('bindings/', decodeStored.binding),
    allocations: of('allocations/', decodeStored.allocation),
    uplinks: of('uplinks/', decodeStored.uplink),
    vnis: entries.map(({ key }) => key).filter((key) => key.startsWith('vnis/')),
    deleting: entries.filter(({ value }) => typeof value === 'object' && value !== null && 'deleting' in value).map(({ key }) => key),
  };
}

function attachedOf(bed: Bed): { endpointId: string; address: string; tenant: string }[] {
  return [...bed.docker.containers.values()].flatMap(({ attached }) => {
    const { tenant = '' } = bed.docker.networks.get(attached?.networkId ?? '')?.options ?? {};
    return attached ? [{ endpointId: attached.endpointId, address: attached.address.toString(), tenant }] : [];
  });
}

function holding({ tenant, network, address, owner }: Allocation): string {
  const name = owner.kind === 'endpoint' ? owner.id : owner.kind === 'service' ? owner.name : '';
  return `${tenant}/${network} ${address.toString()} ${owner.kind} ${name}`.trim();
}

function expectedHoldings({ networks, services, endpoints }: Stored): string[] {
  return [
    ...networks.flatMap(({ tenant, name, ipv4 }) => (ipv4?.gateway ? [`${tenant}/${name} ${ipv4.gateway.toString()} gateway`] : [])),
    ...services.flatMap(({ tenant, network, name, addresses }) => addresses.map((address) => `${tenant}/${network} ${address.toString()} service ${name}`)),
    ...endpoints.flatMap(({ tenant, network, id, addresses }) => addresses.map((address) => `${tenant}/${network} ${address.toString()} endpoint ${id}`)),
  ];
}

/** A tenant keeps its uplink's number as long as it has a network. */
function hadUplink({ uplinks }: Stored, tenant: string): boolean {
  return uplinks.some((uplink) => uplink.tenant === tenant);
}

/** The test's networks are of IPv4 alone, and of its tenants the host reaches tenant default. */
function needsUplink({ networks }: Stored, tenant: string): boolean {
  return networks.some((network) => network.tenant === tenant && (tenant === 'default' || network.ipv4?.gateway !== undefined));
}

function linkOf(stored: Stored, tenant: string): UplinkLink | undefined {
  const uplink = stored.uplinks.find((candidate) => candidate.tenant === tenant);
  return uplink && needsUplink(stored, tenant) ? uplinkLink(uplink, defaultUplinkRanges) : undefined;
}

/** The container's ports as Docker was asked to publish them. */
function publishedOf(bed: Bed): string[] {
  return [...bed.docker.containers.values()].flatMap(({ attached, publish }) => (attached ? publish.map(({ hostPort }) => `tcp 0.0.0.0 ${hostPort}`) : []));
}

function publishedServices({ addresses, publications = [] }: Endpoint, { router }: UplinkLink): NatService[] {
  return publications.map(({ protocol, port, routerPort }) => ({ addresses: [router.ipv4], ports: [{ protocol, port: routerPort, targetPort: port }], providers: [{ addresses }] }));
}

async function hostWrongs(bed: Bed, stored: Stored): Promise<string[]> {
  const desired = planHost({
    uplinks: stored.uplinks.flatMap(({ tenant }) => {
      const link = linkOf(stored, tenant);
      const subnets = stored.networks.filter((network) => network.tenant === tenant).flatMap((network) => subnetsOf(network).map(({ prefix }) => prefix));
      const publications = stored.endpoints.filter((endpoint) => endpoint.tenant === tenant).flatMap((endpoint) => endpoint.publications ?? []);
      return link ? [{ link, subnets, reachable: tenant === 'default' ? subnets : [], publications: publications.map((publication) => ({ ...publication, families: [4 as const] })) }] : [];
    }),
  });
  return diffHost(desired, await bed.hostNetwork.read()).map((step) => `the host needs ${JSON.stringify(step)}`);
}

async function routerWrongs(bed: Bed, stored: Stored, tenant: string): Promise<string[]> {
  const of = <T extends { readonly tenant: string }>(items: readonly T[]): T[] => items.filter((item) => item.tenant === tenant);
  const networks = of(stored.networks);
  const vnis = new Map(networks.map(({ name, vni }) => [name, vni]));
  const uplink = linkOf(stored, tenant);
  const [foundFabric, foundNat] = [await bed.kernel.fabric.read(tenant), await bed.kernel.nftables.read(tenant)];
  const services = [
    ...of(stored.services).map((service) => ({ addresses: service.addresses, ports: service.ports, ...providersOf(bed, stored, service) })),
    ...of(stored.endpoints).flatMap((endpoint) => (uplink ? publishedServices(endpoint, uplink) : [])),
  ];
  const answered = answeredNetworks({ networks, services: of(stored.services), endpoints: of(stored.endpoints) }, new AnsweringAddresses().update(services));
  const fabric = planFabric({
    // Who has netfilter, be it from services that are no more, keeps it.
    networks: withLasting(
      networks.map((network) => ({ vni: network.vni, subnets: subnetsOf(network), ...(answered.has(network.name) ? { netfilter: true } : {}) })),
      netfilterBridges(foundFabric),
    ),
    endpoints: of(stored.endpoints).map(({ id, network, addresses, mac }) => ({ id, vni: vnis.get(network) ?? NaN, addresses, mac })),
    serviceAddresses: of(stored.services).flatMap(({ addresses }) => addresses),
    ...(uplink ? { uplink } : {}),
  });
  const nat = planNat({
    networks: networks.map(({ vni, ipv4 }) => ({ bridge: bridgeName(vni), ...(ipv4 ? { ipv4 } : {}), outward: ipv4?.gateway !== undefined, fromHost: tenant === 'default' })),
    services,
  });
  return [
    ...diffFabric(fabric, foundFabric).map((step) => `router ${tenant} needs ${JSON.stringify(step)}`),
    ...(typeof foundNat === 'object' && sameBehaviour(foundNat, nat) ? [] : [`router ${tenant} has other elements than planned`]),
  ];
}

function providersOf(bed: Bed, { endpoints }: Stored, { tenant, selectors, drained }: Service): { providers: Endpoint[]; draining: Endpoint[] } {
  const selected = [...bed.docker.containers.values()].flatMap(({ container, attached }) => {
    const endpoint = endpoints.find(({ id }) => id === attached?.endpointId);
    const serves = container.state === 'running' && !container.stopping && (container.health === 'none' || container.health === 'healthy');
    const takenOut = drained.includes(container.id);
    const draining = container.stopping ? container.state === 'running' || container.state === 'paused' : serves && takenOut;
    return endpoint?.tenant === tenant && explain(selectors, container.labels) === undefined ? [{ endpoint, well: serves && !takenOut, draining }] : [];
  });
  return { providers: selected.flatMap(({ endpoint, well }) => (well ? [endpoint] : [])), draining: selected.flatMap(({ endpoint, draining }) => (draining ? [endpoint] : [])) };
}

function differ(what: string, found: readonly string[], expected: readonly string[]): string[] {
  const [a, b] = [found.toSorted().join(', '), expected.toSorted().join(', ')];
  return a === b ? [] : [`${what}: found ${a || 'none'}, expected ${b || 'none'}`];
}
