import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { checkEntries } from '../../../daemon/check-state.js';
import { EntryTable } from '../../../daemon/store/entry-table.js';
import { readContentsInUse } from '../../../daemon/store/state-directory.js';
import { decodeStored } from '../../../src/model/stored.js';
import { ask } from './unix-http.js';
import type { Lane, Sockets } from './kill-lane.js';

const run = promisify(execFile);

/** A running container on a netctl network, as Docker has it. */
interface Attached {
  readonly name: string;
  readonly app: string;
  readonly endpointId: string;
  readonly address: string;
  readonly mac: string;
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

  async providers(tenant: string): Promise<string> {
    const { Oper } = await this.json<{ Oper: { providers?: { containerName: string }[] } }>(this.sockets.netctl, `/api/v1/inspect/serviceLBs/${tenant}:w/`);
    return (Oper.providers ?? []).map(({ containerName }) => containerName.replace(/^\//, '')).sort().join(' ');
  }

  async errorOf(tenant: string): Promise<string | undefined> {
    return (await this.json<{ Oper: { error?: string } }>(this.sockets.netctl, `/api/v1/inspect/tenants/${tenant}/`)).Oper.error;
  }

  /** Links, neighbours and elements of a tenant's router, as text; undefined if there is none. */
  async router(tenant: string): Promise<string | undefined> {
    const script = 'ip -br link; ip neigh show nud permanent; nft list set ip netctl service_ips; nft list map ip netctl slots';
    return run('nsenter', [`--net=${this.root}/run/netns/netctl-${tenant}`, 'sh', '-c', script]).then(({ stdout }) => stdout, () => undefined);
  }

  async entries() {
    const contents = await readContentsInUse(this.state);
    return contents === 'empty' ? [] : new EntryTable(contents.entries).list('');
  }

  /** What is missing of a tenant with a network `n` and a service `w`: every container that runs must have all that it had. Empty if nothing. */
  async missing(tenant: string, hasService: boolean): Promise<string[]> {
    const attached = (await this.attached()).filter(({ app }) => app === `app-${tenant}`);
    const router = await this.router(tenant);
    if (router === undefined) return attached.length > 0 ? [`tenant ${tenant} has no router`] : [];
    const problems = attached.flatMap(({ name, endpointId, address, mac }) => [
      ...(router.includes(`vr-${endpointId.slice(0, 12)}@`) ? [] : [`the link of ${name}`]),
      ...(new RegExp(`^${address.replaceAll('.', '\\.')} dev \\S+ lladdr ${mac} `, 'm').test(router) ? [] : [`the neighbour ${address} of ${name}`]),
      ...(!hasService || router.slice(router.indexOf('map slots')).includes(`: ${address} . `) ? [] : [`the slot of ${name}, ${address}`]),
    ]);
    if (!hasService) return problems;
    const [expected, found] = [attached.map(({ name }) => name).sort().join(' '), await this.providers(tenant)];
    return expected === found ? problems : [...problems, `providers are "${found}" and must be "${expected}"`];
  }

  /**
   * Everything that must hold when nothing is under way.
   * @param leftovers whether there may still be what a crash left of endpoints that Docker gave up: it is taken back after a minute.
   */
  async wrong(lanes: readonly Lane[], leftovers: boolean): Promise<string[]> {
    const entries = await this.entries();
    const problems = [...checkEntries(entries).contradictions];
    const endpoints = entries.filter(({ key }) => key.startsWith('endpoints/')).map(({ value }) => decodeStored.endpoint(value));
    const attached = await this.attached();
    const held = endpoints.map(({ id, addresses }) => `${id.slice(0, 12)} ${addresses.join()}`);
    const used = attached.map(({ endpointId, address }) => `${endpointId.slice(0, 12)} ${address}`);
    problems.push(...differences('endpoint', held, used, leftovers));
    for (const lane of lanes) problems.push(...(await this.wrongIn(lane, new Set(entries.map(({ key }) => key)), leftovers)));
    return problems;
  }

  private async wrongIn(lane: Lane, keys: ReadonlySet<string>, leftovers: boolean): Promise<string[]> {
    const { name, tenant, network, dockerNetwork, service } = lane;
    const objects: [string, boolean][] = [[`tenants/${name}`, tenant], [`networks/${name}/n`, network], [`networks/${name}/d-${name}`, dockerNetwork], [`services/${name}/w`, service]];
    const problems = objects.filter(([key, expected]) => keys.has(key) !== expected).map(([key, expected]) => `"${key}" must ${expected ? '' : 'not '}be in the store`);
    const router = await this.router(name);
    if ((router !== undefined) !== (network || dockerNetwork)) problems.push(`tenant ${name} must ${network || dockerNetwork ? '' : 'not '}have a router`);
    const attached = (await this.attached()).filter(({ app }) => app === lane.app);
    const running = [...lane.containers].filter(([, state]) => state === 'running').map(([container]) => container).sort().join(' ');
    const found = attached.map((container) => container.name).sort().join(' ');
    if (running !== found) problems.push(`of tenant ${name} "${running}" must run, and "${found}" do`);
    if (router === undefined) return problems;
    const error = await this.errorOf(name);
    if (error !== undefined && !leftovers) problems.push(`tenant ${name}: ${error}`);
    const links = [...router.matchAll(/^(vr-[0-9a-f]{12})@/gm)].map(([, link]) => link ?? '');
    problems.push(...differences(`link of tenant ${name}`, links, attached.map(({ endpointId }) => `vr-${endpointId.slice(0, 12)}`), leftovers));
    return [...problems, ...(await this.missing(name, service))];
  }

  private async json<T>(socket: string, path: string): Promise<T> {
    const { status, text } = await ask(socket, 'GET', path);
    if (status !== 200) throw new Error(`${path} answers ${status}: ${text}`);
    return JSON.parse(text) as T;
  }
}

function differences(what: string, found: readonly string[], wanted: readonly string[], leftovers: boolean): string[] {
  return [
    ...wanted.filter((item) => !found.includes(item)).map((item) => `the ${what} ${item} is missing`),
    ...(leftovers ? [] : found.filter((item) => !wanted.includes(item)).map((item) => `the ${what} ${item} is nobody's`)),
    ...found.filter((item, index) => found.indexOf(item) !== index).map((item) => `the ${what} ${item} is there twice`),
  ];
}
