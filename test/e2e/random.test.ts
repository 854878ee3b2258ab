import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readContentsInUse } from '../../daemon/store/state-directory.js';
import { bridgeName } from '../../src/fabric/names.js';
import { withLasting } from '../../src/fabric/netfilter.js';
import { planFabric } from '../../src/fabric/plan.js';
import { defaultUplinkRanges, uplinkLink, type UplinkLink } from '../../src/fabric/uplink.js';
import { IpAddress, Mac, Prefix } from '../../src/model/address.js';
import type { Subnet } from '../../src/model/network.js';
import { sameBehaviour } from '../../src/nat/behaviour.js';
import { planNat } from '../../src/nat/plan.js';
import { Random } from '../support/random.js';
import { labHost, until, untilProviders, type Ended } from './support/lab.js';
import { netfilteredBridges, observedFabric, observedNat, plannedFabric, routersOf } from './support/router-state.js';

// Random operations by the commands that users have, against a model that is nothing but three lists.
// Now and then the kernel must hold just what a plan from scratch says. The seed is printed; the same
// seed (NETCTL_TEST_SEED) repeats the run.

const seed = Number(process.env['NETCTL_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));
const operationCount = 200;
const checkEvery = 20;
const random = new Random(seed);
t.comment(`seed ${seed}`);

interface NetworkModel {
  readonly tenant: string;
  readonly name: string;
  readonly subnet: string;
  readonly gateway?: string;
}

interface ServiceModel {
  readonly tenant: string;
  readonly name: string;
  readonly network: string;
  readonly app: string;
  readonly port: number;
}

interface ContainerModel {
  readonly name: string;
  readonly network: NetworkModel;
  readonly app: string;
  state: 'running' | 'paused' | 'exited';
}

/** The tenants use the same names and subnets. */
const possibleNetworks: readonly NetworkModel[] = ['default', 'blue'].flatMap((tenant) => [
  { tenant, name: 'n1', subnet: '10.1.1.0/24', gateway: '10.1.1.254' },
  { tenant, name: 'n2', subnet: '10.2.1.0/24' },
  { tenant, name: 'n3', subnet: '10.3.1.0/28', gateway: '10.3.1.1' },
]);
const apps = ['a', 'b'];
const containerNames = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8'];

const tenants = new Set(['default']);
const networks = new Set<NetworkModel>();
const services = new Map<string, ServiceModel>();
const containers = new Map<string, ContainerModel>();

const host = await labHost(t, 'random', { LAB_NETCTLD_OPTS: '--address-rest 1' });
const linksAtFirst = await hostLinks();
const dockerNetworksAtFirst = await host.docker('network', 'ls', '--format', '{{.Name}}');
t.teardown(async () => {
  if (!t.passing()) t.comment(`seed ${seed}\n${await host.log('netctld')}`);
});

const dockerName = ({ tenant, name }: NetworkModel): string => (tenant === 'default' ? name : `${name}/${tenant}`);
const keyOf = ({ tenant, name }: { tenant: string; name: string }): string => `${tenant}/${name}`;
const isUsed = (network: NetworkModel): boolean =>
  [...containers.values()].some((container) => container.network === network && container.state !== 'exited') ||
  [...services.values()].some((service) => service.tenant === network.tenant && service.network === network.name);

/** What the command answers must be what the model says. */
function mustSucceed(expected: boolean, what: string, { exitCode, stderr }: Ended): boolean {
  const succeeded = exitCode === 0;
  if (succeeded !== expected) t.fail(`${what} ${succeeded ? 'succeeded' : `failed: ${stderr}`}`);
  return succeeded;
}

type Operation = () => Promise<string | undefined>;

const operations: Record<string, { readonly weight: number; readonly run: Operation }> = {
  createTenant: {
    weight: 2,
    async run() {
      mustSucceed(true, 'creating tenant blue', await host.run('netctl', 'tenant', 'create', 'blue'));
      tenants.add('blue');
      return 'blue';
    },
  },
  deleteTenant: {
    weight: 1,
    async run() {
      const free = tenants.has('blue') && ![...networks].some(({ tenant }) => tenant === 'blue');
      if (mustSucceed(free, 'deleting tenant blue', await host.run('netctl', 'tenant', 'rm', 'blue'))) tenants.delete('blue');
      return `blue ${free}`;
    },
  },
  createNetwork: {
    weight: 10,
    async run() {
      const network = random.pick(possibleNetworks);
      if (!network) return undefined;
      const { tenant, name, subnet, gateway } = network;
      const args = ['net', 'create', name, '-t', tenant, '-s', subnet, ...(gateway ? ['-g', gateway] : [])];
      if (mustSucceed(tenants.has(tenant), `creating network ${keyOf(network)}`, await host.run('netctl', ...args))) networks.add(network);
      return keyOf(network);
    },
  },
  deleteNetwork: {
    weight: 4,
    async run() {
      const network = random.pick([...networks]);
      if (!network) return undefined;
      const free = !isUsed(network);
      if (mustSucceed(free, `deleting network ${keyOf(network)}`, await host.run('netctl', 'net', 'rm', network.name, '-t', network.tenant))) {
        networks.delete(network);
        await forgetStoppedContainersOf(network);
      }
      return `${keyOf(network)} ${free}`;
    },
  },
  createService: {
    weight: 14,
    async run() {
      const network = random.pick([...networks]);
      const name = random.pick(['w1', 'w2', 'w3']);
      const app = random.pick(apps);
      const port = random.pick([80, 8080]);
      if (!network || !name || !app || !port) return undefined;
      const existing = services.get(keyOf({ tenant: network.tenant, name }));
      const service = { tenant: network.tenant, name, network: network.name, app, port };
      const args = ['service', 'create', name, '-t', service.tenant, '--network', service.network, `--selector=app=${app}`];
      const ports = ['--port', `${port}:80:tcp`, '--port', '53:53:udp'];
      const fits = existing === undefined || existing.network === network.name;
      if (mustSucceed(fits, `creating service ${keyOf(service)}`, await host.run('netctl', ...args, ...ports))) services.set(keyOf(service), service);
      return `${keyOf(service)} app=${app} ${port} ${fits}`;
    },
  },
  deleteService: {
    weight: 5,
    async run() {
      const service = random.pick([...services.values()]);
      if (!service) return undefined;
      mustSucceed(true, `deleting service ${keyOf(service)}`, await host.run('netctl', 'service', 'rm', service.name, '-t', service.tenant));
      services.delete(keyOf(service));
      return keyOf(service);
    },
  },
  run: {
    weight: 25,
    async run() {
      const name = random.pick(containerNames.filter((candidate) => !containers.has(candidate)));
      return name === undefined ? undefined : runContainer(name);
    },
  },
  relabel: {
    weight: 8,
    async run() {
      const container = random.pick([...containers.values()]);
      if (!container) return undefined;
      await removeContainer(container);
      return runContainer(container.name);
    },
  },
  remove: { weight: 8, run: () => onContainer(['running', 'paused', 'exited'], removeContainer) },
  stop: { weight: 8, run: () => onContainer(['running'], (container) => turn(container, 'exited', 'stop', '-t', '0')) },
  kill: { weight: 4, run: () => onContainer(['running'], (container) => turn(container, 'exited', 'kill')) },
  start: { weight: 10, run: () => onContainer(['exited'], (container) => turn(container, 'running', 'start')) },
  restart: { weight: 4, run: () => onContainer(['running'], (container) => turn(container, 'running', 'restart', '-t', '0')) },
  pause: { weight: 6, run: () => onContainer(['running'], (container) => turn(container, 'paused', 'pause')) },
  unpause: { weight: 6, run: () => onContainer(['paused'], (container) => turn(container, 'running', 'unpause')) },
  restartDaemon: {
    weight: 3,
    async run() {
      const verb = random.pick(['stop', 'kill'] as const) ?? 'stop';
      await host.daemon(verb, 'netctld');
      await host.daemon('start', 'netctld');
      return verb;
    },
  },
};

async function runContainer(name: string): Promise<string | undefined> {
  const network = random.pick([...networks]);
  const app = random.pick(apps);
  if (!network || !app) return undefined;
  await host.docker('run', '-d', '--name', name, `--net=${dockerName(network)}`, `--label=app=${app}`, 'alpine', 'sleep', '100000');
  containers.set(name, { name, network, app, state: 'running' });
  return `${name} app=${app} on ${keyOf(network)}`;
}

async function removeContainer({ name }: ContainerModel): Promise<void> {
  await host.docker('rm', '-f', name);
  containers.delete(name);
}

async function turn(container: ContainerModel, state: ContainerModel['state'], ...command: string[]): Promise<void> {
  await host.docker(...command, container.name);
  container.state = state;
}

async function onContainer(states: readonly ContainerModel['state'][], work: (container: ContainerModel) => Promise<void>): Promise<string | undefined> {
  const container = random.pick([...containers.values()].filter(({ state }) => states.includes(state)));
  if (!container) return undefined;
  await work(container);
  return container.name;
}

/** Docker would not start them again: their network is another one now. */
async function forgetStoppedContainersOf(network: NetworkModel): Promise<void> {
  for (const container of containers.values()) if (container.network === network) await removeContainer(container);
}

function chooseOperation(): string {
  const entries = Object.entries(operations);
  let left = random.next() * entries.reduce((sum, [, { weight }]) => sum + weight, 0);
  return entries.find(([, { weight }]) => (left -= weight) < 0)?.[0] ?? 'run';
}

async function hostLinks(): Promise<string[]> {
  const links = JSON.parse(await host.ok('ip', '-j', 'link')) as { ifname: string }[];
  return links.map(({ ifname }) => ifname).sort();
}

/** The model's side of a tenant, with what Docker and netctl say of addresses and identifiers. */
async function planOf(tenant: string) {
  const known = await Promise.all(
    [...networks].filter((network) => network.tenant === tenant).map(async (network) => {
      const { Oper } = await host.inspect<{ Oper: { pktTag: number; allocatedAddressesCount: number } }>(`networks/${tenant}:${network.name}`);
      const subnet: Subnet = { prefix: Prefix.parse(network.subnet), ...(network.gateway ? { gateway: IpAddress.parse(network.gateway) } : {}) };
      return { network, vni: Oper.pktTag, subnet, held: Oper.allocatedAddressesCount };
    }),
  );
  const attached = await attachmentsOf([...containers.values()].filter(({ network, state }) => network.tenant === tenant && state !== 'exited'));
  const balanced = await Promise.all([...services.values()].filter((service) => service.tenant === tenant).map(async (service) => {
    const address = IpAddress.parse((await host.service(service.name, tenant)).Oper.serviceVip);
    const providers = attached.filter(({ container }) => container.app === service.app && container.state === 'running').map(({ address }) => ({ addresses: [address] }));
    const ports = [{ port: service.port, targetPort: 80, protocol: 'tcp' as const }, { port: 53, targetPort: 53, protocol: 'udp' as const }];
    return { service, addresses: [address], ports, providers };
  }));
  const uplink = await uplinkOf(tenant, known.some(({ subnet }) => subnet.gateway !== undefined || tenant === 'default'));
  const vniOf = (network: NetworkModel): number => known.find((entry) => entry.network === network)?.vni ?? NaN;
  const answering = balanced.flatMap(({ providers }) => providers.flatMap(({ addresses }) => addresses));
  // Services that are no more have left it, and the model does not remember them.
  const lasting = known.length === 0 ? new Set<string>() : await netfilteredBridges(host, tenant);
  return {
    known,
    attached,
    balanced,
    fabric: planFabric({
      networks: withLasting(known.map(({ vni, subnet }) => ({ vni, subnets: [subnet] })), lasting, answering),
      endpoints: attached.map(({ id, container, address, mac }) => ({ id, vni: vniOf(container.network), addresses: [address], mac })),
      serviceAddresses: balanced.flatMap(({ addresses }) => addresses),
      ...(uplink ? { uplink } : {}),
    }),
    nat: planNat({ networks: known.map(({ vni, subnet }) => ({ bridge: bridgeName(vni), ipv4: subnet, outward: subnet.gateway !== undefined, fromHost: tenant === 'default' })), services: balanced }),
  };
}

/** Its number is for netctld to choose, and is read from its address. */
async function uplinkOf(tenant: string, needed: boolean): Promise<UplinkLink | undefined> {
  if (!needed) return undefined;
  const [, address = ''] = /inet (\S+)\//.exec(await host.router(tenant, 'ip', '-o', '-4', 'address', 'show', 'dev', 'uplink')) ?? [];
  const index = Number((IpAddress.parse(address).value - defaultUplinkRanges.ipv4.first.value) / 2n);
  return uplinkLink({ host: 'h1', tenant, index }, defaultUplinkRanges);
}

interface Attachment {
  readonly container: ContainerModel;
  readonly id: string;
  readonly address: IpAddress;
  readonly mac: Mac;
}

/** What Docker says of the only network that each is attached to. */
async function attachmentsOf(those: readonly ContainerModel[]): Promise<Attachment[]> {
  if (those.length === 0) return [];
  const text = await host.docker('inspect', '--format', '{{json .NetworkSettings.Networks}}', ...those.map(({ name }) => name));
  const lines = text.split('\n');
  return those.map((container, index) => {
    const [attachment] = Object.values(JSON.parse(lines[index] ?? '{}') as Record<string, { EndpointID: string; IPAddress: string; MacAddress: string }>);
    if (!attachment) throw new Error(`${container.name} is attached to nothing`);
    return { container, id: attachment.EndpointID, address: IpAddress.parse(attachment.IPAddress), mac: Mac.parse(attachment.MacAddress) };
  });
}

async function check(t: Test): Promise<void> {
  const inUse = [...new Set([...networks].map(({ tenant }) => tenant))].sort();
  await until('there are routers for just the tenants with networks', async () => {
    const found = (await routersOf(host)).join(' ');
    return found === inUse.join(' ') || found;
  });
  for (const service of services.values()) {
    const chosen = [...containers.values()].filter(({ app, state, network }) => app === service.app && state === 'running' && network.tenant === service.tenant);
    await untilProviders(host, service.name, chosen.map(({ name }) => name), service.tenant);
  }
  for (const tenant of inUse) await checkTenant(t, tenant);
}

async function checkTenant(t: Test, tenant: string): Promise<void> {
  const plan = await planOf(tenant);
  t.strictSame(await observedFabric(host, tenant), plannedFabric(plan.fabric), `tenant ${tenant}: links, addresses, routes and neighbours are those of the plan`);
  const nat = await observedNat(host, tenant);
  t.ok(nat && sameBehaviour(nat, plan.nat), `tenant ${tenant}: the elements are those of the plan`, { found: nat, planned: plan.nat });
  for (const { network, held } of plan.known) {
    const expected = plan.attached.filter(({ container }) => container.network === network).length + plan.balanced.filter(({ service }) => service.network === network.name).length;
    t.equal(held, expected, `${keyOf(network)}: ${expected} addresses are held`);
  }
  const addresses = [
    ...plan.attached.map(({ container, address }) => `${container.network.name} ${address.toString()}`),
    ...plan.balanced.flatMap(({ service, addresses }) => addresses.map((address) => `${service.network} ${address.toString()}`)),
  ];
  t.equal(new Set(addresses).size, addresses.length, `tenant ${tenant}: no address is held twice`);
}

t.test(`${operationCount} random operations, seed ${seed}`, async (t) => {
  for (let done = 0; done < operationCount; ) {
    const name = chooseOperation();
    const what = await operations[name]?.run();
    if (what === undefined) continue;
    done += 1;
    t.comment(`${done}: ${name} ${what}`);
    if (done % checkEvery === 0) await t.test(`after ${done} operations`, check);
    if (!t.passing()) return;
  }
});

t.test('what somebody else broke is seen here, and mended when netctld starts', async (t) => {
  const network = [...networks].find(({ tenant }) => tenant === 'default') ?? possibleNetworks[0];
  if (!network) throw new Error('there is no network');
  await host.netctl('net', 'create', network.name, '-s', network.subnet, ...(network.gateway ? ['-g', network.gateway] : []));
  networks.add(network);
  const container: ContainerModel = { name: 'victim', network, app: 'none', state: 'running' };
  await host.docker('run', '-d', '--name', container.name, `--net=${dockerName(network)}`, 'alpine', 'sleep', '100000');
  containers.set(container.name, container);
  await check(t);

  const [attachment] = await attachmentsOf([container]);
  if (!attachment) throw new Error('the victim is attached to nothing');
  const { address, id } = attachment;
  const { fabric, nat, known } = await planOf('default');
  const bridge = bridgeName(known.find((entry) => entry.network === network)?.vni ?? NaN);
  // While it runs it mends such things by itself, within seconds.
  await host.daemon('stop', 'netctld');
  await host.router('default', 'ip', 'neighbour', 'delete', address.toString(), 'dev', bridge);
  await host.router('default', 'ip', 'link', 'set', `vr-${id.slice(0, 12)}`, 'nomaster');
  await host.router('default', 'nft', 'delete', 'element', 'ip', 'netctl', 'segments', `{ "${bridge}" . "${bridge}" }`);
  t.strictNotSame(await observedFabric(host, 'default'), plannedFabric(fabric), 'links and neighbours differ from the plan');
  const broken = await observedNat(host, 'default');
  t.ok(broken && !sameBehaviour(broken, nat), 'elements differ from the plan');
  await host.daemon('start', 'netctld');
  await until('the router is as planned', async () => {
    const found = await observedFabric(host, 'default');
    return found.join('\n') === plannedFabric(fabric).join('\n') || found.join('\n');
  });
  await check(t);
});

/** The keys in the store, as it is now: netctld goes on. */
async function storedKeys(): Promise<{ key: string; resting: boolean }[]> {
  const contents = await readContentsInUse(join('/var/lib/netctl-lab', host.labName, host.name, 'var-lib/netctl'));
  if (contents === 'empty') return [];
  return contents.entries.map(([key, { text }]) => ({ key, resting: text.includes('"resting"') }));
}

t.test('nothing is left when all is deleted', async (t) => {
  for (const container of containers.values()) await removeContainer(container);
  for (const { tenant, name } of services.values()) await host.netctl('service', 'rm', name, '-t', tenant);
  services.clear();
  const [last, ...others] = networks;
  for (const network of others) await deleteNetwork(network);
  await check(t);
  await until('no address rests any longer', async () => {
    const resting = (await storedKeys()).filter(({ resting }) => resting).map(({ key }) => key);
    return resting.length === 0 || resting.join(' ');
  }, 40_000);
  if (last) await deleteNetwork(last);
  if (tenants.has('blue')) await host.netctl('tenant', 'rm', 'blue');

  t.strictSame(await routersOf(host), [], 'no router');
  t.strictSame(await hostLinks(), linksAtFirst, 'no link in the host');
  t.equal(await host.docker('network', 'ls', '--format', '{{.Name}}'), dockerNetworksAtFirst, 'no network in Docker');
  t.strictSame((await storedKeys()).map(({ key }) => key), ['tenants/default'], 'nothing in the store but tenant default');
});

async function deleteNetwork(network: NetworkModel): Promise<void> {
  await host.netctl('net', 'rm', network.name, '-t', network.tenant);
  networks.delete(network);
}
