import { NetctlError } from '../../src/model/errors.js';
import { assembleFamily } from '../../src/nat/assemble.js';
import { diffNat, isEmptyChange } from '../../src/nat/diff.js';
import type { FamilyChange, NatChange } from '../../src/nat/diff.js';
import type { NatElement } from '../../src/nat/elements.js';
import { chainName, legKey } from '../../src/nat/keys.js';
import { emptyNat, natFamilies } from '../../src/nat/state.js';
import type { Leg, NatState } from '../../src/nat/state.js';
import type { ProviderTraffic } from '../../src/nat/traffic.js';
import type { Nftables } from './port.js';
import type { FakeRouters } from './routers-fake.js';

/** One family's table: its balancing chains, and its elements by set and key. */
interface Table {
  readonly chains: Set<string>;
  readonly elements: Map<string, NatElement>;
  /** What the legs have carried, by their keys. */
  readonly carried: Map<string, Carried>;
}

type Carried = Pick<ProviderTraffic, 'connections' | 'received' | 'sent'>;

type Tables = Readonly<Record<keyof NatState, Table>>;

/** The tables without a kernel: atomic as the kernel is, and refusing what it refuses. */
export class FakeNftables implements Nftables {
  readonly #tables = new Map<symbol, Tables>();
  readonly #generations = new Map<symbol, number>();

  constructor(private readonly routers: FakeRouters) {}

  // eslint-disable-next-line @typescript-eslint/require-await -- a missing router must reject, not throw
  async read(tenant: string): Promise<NatState | 'missing' | 'foreign'> {
    const tables = this.#tables.get(this.routers.identityOf(tenant));
    if (!tables) return 'missing';
    const [ip, ip6] = natFamilies.map((family) => assembleFamily([...tables[family].chains], [...tables[family].elements.values()]));
    return ip && ip6 ? { ip, ip6 } : 'foreign';
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see read
  async replace(tenant: string, state: NatState): Promise<void> {
    this.#change(tenant, { ip: emptyTable(), ip6: emptyTable() }, diffNat(state, emptyNat));
  }

  prepare(): void {
    // There is nothing that takes long.
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see read
  async apply(tenant: string, change: NatChange): Promise<void> {
    const tables = this.#tables.get(this.routers.identityOf(tenant));
    if (isEmptyChange(change)) return;
    if (!tables) throw refused(tenant, 'there are no tables');
    this.#change(tenant, tables, change);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see read
  async generation(tenant: string): Promise<number> {
    return this.#generations.get(this.routers.identityOf(tenant)) ?? 1;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- see read
  async traffic(tenant: string): Promise<ProviderTraffic[]> {
    const tables = this.#tables.get(this.routers.identityOf(tenant));
    return tables ? natFamilies.flatMap((family) => trafficIn(tables[family])) : [];
  }

  /** So much has passed through a leg in all. */
  carry(tenant: string, { service, protocol, port, provider, connections, received, sent }: ProviderTraffic): void {
    const table = this.#tables.get(this.routers.identityOf(tenant))?.[service.family === 4 ? 'ip' : 'ip6'];
    const key = legKey({ address: service, protocol, port, provider });
    if (!table?.elements.has(`legs ${key}`)) throw new Error(`there is no leg ${key}`);
    table.carried.set(key, { connections, received, sent });
  }

  /** Somebody else deletes the tables. */
  flush(tenant: string): void {
    const router = this.routers.identityOf(tenant);
    this.#tables.delete(router);
    this.#nextGeneration(router);
  }

  #change(tenant: string, { ip, ip6 }: Tables, change: NatChange): void {
    const router = this.routers.identityOf(tenant);
    this.#tables.set(router, { ip: changed(tenant, ip, change.ip), ip6: changed(tenant, ip6, change.ip6) });
    this.#nextGeneration(router);
  }

  #nextGeneration(router: symbol): void {
    this.#generations.set(router, (this.#generations.get(router) ?? 1) + 1);
  }
}

function trafficIn({ chains, elements, carried }: Table): ProviderTraffic[] {
  const nothing: Carried = { connections: 0, received: { packets: 0, bytes: 0 }, sent: { packets: 0, bytes: 0 } };
  const legs = assembleFamily([...chains], [...elements.values()])?.legs ?? new Map<string, Leg>();
  return [...legs].map(([key, { address, protocol, port, provider }]) => ({ service: address, protocol, port, provider, ...(carried.get(key) ?? nothing) }));
}

function emptyTable(): Table {
  return { chains: new Set(), elements: new Map(), carried: new Map() };
}

/** A changed copy; the original stays as it is if anything is refused. */
function changed(tenant: string, table: Table, { chains, deletes, adds, unused }: FamilyChange): Table {
  const copy: Table = { chains: new Set(table.chains), elements: new Map(table.elements), carried: new Map(table.carried) };
  const refuse = (reason: string): never => {
    throw refused(tenant, reason);
  };
  for (const name of chains.map(chainName)) {
    if (copy.chains.has(name)) refuse(`the chain ${name} exists`);
    copy.chains.add(name);
  }
  for (const element of deletes) {
    if (!copy.elements.delete(identity(element))) refuse(`there is no element ${element.key} in ${element.set}`);
    if (element.set === 'legs') copy.carried.delete(element.key);
  }
  for (const element of adds) {
    const existing = copy.elements.get(identity(element));
    if (existing && existing.data !== element.data) refuse(`the element ${element.key} in ${element.set} exists with other data`);
    if (element.set === 'balancers' && !copy.chains.has(element.data?.replace('goto ', '') ?? '')) refuse(`there is nothing to ${element.data}`);
    copy.elements.set(identity(element), element);
  }
  for (const name of unused.map(chainName)) {
    if ([...copy.elements.values()].some(({ data }) => data === `goto ${name}`)) refuse(`the chain ${name} is in use`);
    if (!copy.chains.delete(name)) refuse(`there is no chain ${name}`);
  }
  return copy;
}

function identity({ set, key }: NatElement): string {
  return `${set} ${key}`;
}

function refused(tenant: string, reason: string): NetctlError {
  return new NetctlError('internal', `the tables in the router of tenant ${tenant} could not be changed: ${reason}`);
}
