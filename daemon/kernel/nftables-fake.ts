import { NetctlError } from '../../src/model/errors.js';
import { assembleFamily } from '../../src/nat/assemble.js';
import { diffNat, isEmptyChange } from '../../src/nat/diff.js';
import type { FamilyChange, NatChange } from '../../src/nat/diff.js';
import type { NatElement } from '../../src/nat/elements.js';
import { chainName } from '../../src/nat/keys.js';
import { emptyNat, natFamilies } from '../../src/nat/state.js';
import type { NatState } from '../../src/nat/state.js';
import type { Nftables } from './port.js';
import type { FakeRouters } from './routers-fake.js';

/** One family's table: its balancing chains, and its elements by set and key. */
interface Table {
  readonly chains: Set<string>;
  readonly elements: Map<string, NatElement>;
}

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

function emptyTable(): Table {
  return { chains: new Set(), elements: new Map() };
}

/** A changed copy; the original stays as it is if anything is refused. */
function changed(tenant: string, table: Table, { chains, deletes, adds, unused }: FamilyChange): Table {
  const copy: Table = { chains: new Set(table.chains), elements: new Map(table.elements) };
  const refuse = (reason: string): never => {
    throw refused(tenant, reason);
  };
  for (const name of chains.map(chainName)) {
    if (copy.chains.has(name)) refuse(`the chain ${name} exists`);
    copy.chains.add(name);
  }
  for (const element of deletes) {
    if (!copy.elements.delete(identity(element))) refuse(`there is no element ${element.key} in ${element.set}`);
  }
  for (const element of adds) {
    const existing = copy.elements.get(identity(element));
    if (existing && existing.data !== element.data) refuse(`the element ${element.key} in ${element.set} exists with other data`);
    if (element.set === 'services' && !copy.chains.has(element.data?.replace('goto ', '') ?? '')) refuse(`there is nothing to ${element.data}`);
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
