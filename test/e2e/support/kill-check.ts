import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { checkEntries } from '../../../daemon/check-state.js';
import { EntryTable } from '../../../daemon/store/entry-table.js';
import { readContentsInUse } from '../../../daemon/store/state-directory.js';
import { decodeStored } from '../../../src/model/stored.js';
import { ask } from './unix-http.js';
import { serviceName, type Lane, type Sockets } from './kill-lane.js';

const run = promisify(execFile);

/** A running container on a netctl network, as Docker has it. */
export interface Attached {
  readonly name: string;
  readonly app: string;
  readonly endpointId: string;
  readonly address: string;
  readonly mac: string;
}

/** What there is of a tenant: a network `n`, a service; and what its user takes away just now. */
export type Tenant = Pick<Lane, 'name' | 'network' | 'service' | 'ending'>;

/** What a router holds, as ip and nft print it. */
interface Router {
  /** Links, and permanent neighbours. */
  readonly links: string;
  readonly rules: string;
}

/** What a host really holds, asked of Docker, of the kernel and of the store; netctld only says who the providers are. */
export class HostView {
  constructor(
    private readonly root: string,
    private readonly sockets: Sockets,
    private readonly state: string,
  ) {}

  async attached(): Promise<Attached[]> {
    const list = await this.json<{ Names: string[]; Labels: Record<string, string>; NetworkSettings: { Networks: Record<string, { EndpointID: string; IPAddress: string; MacAddress: string }> } }[]>(this.sockets.docker, '/containers/json');
    return list.flatMap(({ Names, Labels, NetworkSettings }) =>
      Object.values(NetworkSettings.Networks)
        .filter(({ EndpointID }) => EndpointID !== '')
        .map(({ EndpointID, IPAddress, MacAddress }) => ({ name: (Names[0] ?? '').slice(1), app: Labels['app'] ?? '', endpointId: EndpointID, address: IPAddress, mac: MacAddress })),
    );
  }

  private async service(tenant: string): Promise<{ ip: string; providers: string[] }> {
    const { Oper } = await this.json<{ Oper: { serviceVip: string; providers?: { containerName: string }[] } }>(this.sockets.netctl, `/api/v1/inspect/serviceLBs/${tenant}:${serviceName}/`);
    return { ip: Oper.serviceVip, providers: Oper.providers?.map(({ containerName }) => containerName.replace(/^\//, '')) ?? [] };
  }

  async errorOf(tenant: string): Promise<string | undefined> {
    return (await this.json<{ Oper: { error?: string } }>(this.sockets.netctl, `/api/v1/inspect/tenants/${tenant}/`)).Oper.error;
  }

  /** What a tenant's router holds; undefined if there is none. */
  private async router(tenant: string): Promise<Router | undefined> {
    const within = (...command: string[]) => run('nsenter', [`--net=${this.root}/run/netns/netctl-${tenant}`, ...command]);
    // Two processes and no shell: a look costs a quarter of the time of the processor that it would with one for each kind of object.
    const ip = within('ip', '-oneline', '-batch', '-');
    ip.child.stdin?.on('error', () => undefined).end('link show\nneigh show nud permanent\n');
    const printed = await Promise.all([ip, within('nft', 'list', 'table', 'ip', 'netctl')]).catch(() => undefined);
    if (!printed) return undefined;
    const [links, rules] = printed.map(({ stdout }) => stdout);
    return { links: links ?? '', rules: rules ?? '' };
  }

  async entries() {
    const contents = await readContentsInUse(this.state);
    return contents === 'empty' ? [] : new EntryTable(contents.entries).list('');
  }

  /**
   * What is missing of a tenant: every container that runs must have all that it had. Empty if nothing. A container of which the kernel has nothing
   * any more runs on in Docker's eyes for seconds, if netctld was away when Docker tried to tell of its end.
   * @param all that Docker runs
   */
  async missing({ name: tenant, network, service: hasService, ending }: Tenant, all: readonly Attached[]): Promise<string[]> {
    if (!network) return [];
    const attached = all.filter(({ app, name }) => app === `app-${tenant}` && name !== ending);
    const [router, service] = await Promise.all([this.router(tenant), hasService && ending !== serviceName ? this.service(tenant) : undefined]);
    if (router === undefined) return attached.length > 0 ? [`tenant ${tenant} has no router`] : [];
    const problems = attached.flatMap(({ name, endpointId, address, mac }) => [
      ...(router.links.includes(`vr-${endpointId.slice(0, 12)}@`) ? [] : [`the link of ${name}`]),
      ...(new RegExp(`^${escaped(address)} dev \\S+ lladdr ${mac} `, 'm').test(router.links) ? [] : [`the neighbour ${address} of ${name}`]),
      ...(!service || slot(service.ip, address).test(router.rules) ? [] : [`the slot of ${name}, ${address}`]),
    ]);
    if (!service) return problems;
    const [expected, found] = [namesOf(attached.map(({ name }) => name)), namesOf(service.providers.filter((name) => name !== ending))];
    return expected === found ? problems : [...problems, `providers of ${tenant} are "${found}" and must be "${expected}"`];
  }

  /**
   * Everything that must hold when nothing is under way.
   * @param leftovers whether there may still be what a crash left of endpoints that Docker gave up: it is taken back after a while.
   */
  async wrong(lanes: readonly Lane[], leftovers: boolean): Promise<string[]> {
    const entries = await this.entries();
    const problems = [...checkEntries(entries).contradictions];
    const endpoints = entries.filter(({ key }) => key.startsWith('endpoints/')).map(({ value }) => decodeStored.endpoint(value));
    const attached = await this.attached();
    const held = endpoints.map(({ id, addresses }) => `${id.slice(0, 12)} ${addresses.join()}`);
    const used = attached.map(({ endpointId, address }) => `${endpointId.slice(0, 12)} ${address}`);
    problems.push(...differences('endpoint', held, used, leftovers));
    for (const lane of lanes) problems.push(...(await this.wrongIn(lane, new Set(entries.map(({ key }) => key)), attached, leftovers)));
    return problems;
  }

  private async wrongIn(lane: Lane, keys: ReadonlySet<string>, all: readonly Attached[], leftovers: boolean): Promise<string[]> {
    const { name, tenant, network, dockerNetwork, service } = lane;
    const objects: [string, boolean][] = [[`tenants/${name}`, tenant], [`networks/${name}/n`, network], [`networks/${name}/d-${name}`, dockerNetwork], [`services/${name}/${serviceName}`, service]];
    const problems = objects.filter(([key, expected]) => keys.has(key) !== expected).map(([key, expected]) => `"${key}" must ${expected ? '' : 'not '}be in the store`);
    const router = await this.router(name);
    if ((router !== undefined) !== (network || dockerNetwork)) problems.push(`tenant ${name} must ${network || dockerNetwork ? '' : 'not '}have a router`);
    const attached = all.filter(({ app }) => app === lane.app);
    const running = namesOf([...lane.containers].filter(([, state]) => state === 'running').map(([container]) => container));
    const found = namesOf(attached.map((container) => container.name));
    if (running !== found) problems.push(`of tenant ${name} "${running}" must run, and "${found}" do`);
    if (router === undefined) return problems;
    const error = await this.errorOf(name);
    if (error !== undefined && !leftovers) problems.push(`tenant ${name}: ${error}`);
    const links = [...router.links.matchAll(/ (vr-[0-9a-f]{12})@/g)].map(([, link]) => link ?? '');
    problems.push(...differences(`link of tenant ${name}`, links, attached.map(({ endpointId }) => `vr-${endpointId.slice(0, 12)}`), leftovers));
    return [...problems, ...(await this.missing(lane, all))];
  }

  private async json<T>(socket: string, path: string): Promise<T> {
    const { status, text } = await ask(socket, 'GET', path);
    if (status !== 200) throw new Error(`${path} answers ${status}: ${text}`);
    return JSON.parse(text) as T;
  }
}

function namesOf(containers: readonly string[]): string {
  return [...containers].sort().join(' ');
}

function escaped(address: string): string {
  return address.replaceAll('.', '\\.');
}

/** The element that sends connections to TCP port 80 of the service to a provider. What a container publishes has slots, too, of another address. */
function slot(serviceIp: string, provider: string): RegExp {
  return new RegExp(`\\b${escaped(serviceIp)} \\. tcp \\. 80 \\. \\S+ : ${escaped(provider)} \\. `);
}

function differences(what: string, found: readonly string[], wanted: readonly string[], leftovers: boolean): string[] {
  return [
    ...wanted.filter((item) => !found.includes(item)).map((item) => `the ${what} ${item} is missing`),
    ...(leftovers ? [] : found.filter((item) => !wanted.includes(item)).map((item) => `the ${what} ${item} is nobody's`)),
    ...found.filter((item, index) => found.indexOf(item) !== index).map((item) => `the ${what} ${item} is there twice`),
  ];
}
