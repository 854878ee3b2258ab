import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { Providers } from '../../../daemon/control/providers.js';
import { ServiceLists, type ServiceNews } from '../../../daemon/control/service-lists.js';
import { State } from '../../../daemon/control/state.js';
import { MemoryStore } from '../../../daemon/store/memory.js';
import type { Operation } from '../../../daemon/store/port.js';
import { IpAddress, Mac, Prefix } from '../../../src/model/address.js';
import type { Container, HostContainer } from '../../../src/model/container.js';
import { keys } from '../../../src/model/keys.js';
import type { Service } from '../../../src/model/service.js';
import { encodeStored } from '../../../src/model/stored.js';
import { parseTerm } from '../../../src/selectors/parse.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const tenant = 'default';
const hostNames = ['h1', 'h2'];
const selectors = [['app=a'], ['app=b'], ['tier', 'app=a'], ['app!=a'], ['app in (a,b)']];
const labels: Record<string, string>[] = [{ app: 'a' }, { app: 'b', tier: 'x' }, { app: 'a', tier: 'y' }, {}];

/** All that lists of services follow from; what happens to it is chosen by small numbers. */
class World {
  readonly store = new MemoryStore();
  readonly state = new State(this.store, log);
  private readonly containers = new Map<number, HostContainer>();
  private readonly away = new Set<string>();
  readonly hosts = { isPresent: (host: string): boolean => !this.away.has(host), whyAway: (host: string): string | undefined => (this.away.has(host) ? `its host ${host} is away` : undefined) };

  /** A daemon's lists: of one that just began, if they are asked for once. @param sharing services that ask for the same are judged once. */
  listing({ looked = () => {}, sharing = true }: { looked?: (service: Service) => void; sharing?: boolean } = {}): () => ServiceNews {
    const providers = new Providers(this.state, { values: () => [...this.containers.values()] }, this.hosts);
    const lists = new ServiceLists({ candidacy: (service, membership, judged) => (looked(service), providers.candidacy(service, membership, sharing ? judged : undefined)) }, this.hosts, 'h1');
    return () => lists.bring(this.state.services.listOf(tenant), providers.membership(tenant));
  }

  readonly actions = {
    createService: (a: number, b: number) => {
      const addresses = [IpAddress.parse(`10.1.0.${100 + a}`), ...(b % 2 === 0 ? [IpAddress.parse(`fd00:1::${100 + a}`)] : [])];
      const terms = (selectors[b % selectors.length] ?? []).map(parseTerm);
      const service = { tenant, name: `s${a}`, network: 'n1', selectors: terms, ports: [{ port: 80, targetPort: 80, protocol: 'tcp' as const }], algorithm: 'roundrobin' as const, weights: [], prefer: 'any' as const, drained: b % 3 === 0 ? [idOf(b)] : [], requestedIps: [], addresses };
      return this.write({ key: keys.service(tenant, `s${a}`), put: encodeStored(service) });
    },
    deleteService: (a: number) => this.write({ key: keys.service(tenant, `s${a}`), delete: true }),
    network: (a: number, b: number) => {
      const gateway = b % 2 === 0 ? { gateway: IpAddress.parse(`10.${1 + (a % 2)}.0.254`) } : {};
      return this.write({ key: keys.network(tenant, `n${1 + (a % 2)}`), put: encodeStored({ tenant, name: `n${1 + (a % 2)}`, vni: 1 + (a % 2), ipv4: { prefix: Prefix.parse(`10.${1 + (a % 2)}.0.0/24`), ...gateway } }) });
    },
    run: async (a: number, b: number) => {
      const [id, host] = [idOf(a), hostNames[a % hostNames.length] ?? 'h1'];
      const address = IpAddress.parse(`10.${1 + (b % 2)}.0.${1 + a}`);
      const endpoint = { id, tenant, network: `n${1 + (b % 2)}`, addresses: [address], mac: Mac.fromIp(address), host, ...(b % 5 === 0 ? {} : { sandboxKey: `/run/${a}` }) };
      await this.write({ key: keys.endpoint(id), put: encodeStored(endpoint) });
      const container: Container = { id, name: `c${a}`, labels: labels[b % labels.length] ?? {}, state: 'running', health: 'none', stopping: false, attachments: [{ networkName: 'n1', networkId: 'x', endpointId: id }] };
      this.containers.set(a, { host, container });
    },
    set: (a: number, b: number) => {
      const told = this.containers.get(a);
      const change: Partial<Container>[] = [{ health: 'unhealthy' }, { stopping: true }, { state: 'paused' }, { health: 'healthy', stopping: false, state: 'running' }];
      if (told) this.containers.set(a, { ...told, container: { ...told.container, ...change[b % change.length] } });
      return Promise.resolve();
    },
    remove: async (a: number) => {
      this.containers.delete(a);
      await this.write({ key: keys.endpoint(idOf(a)), delete: true });
    },
    host: (a: number, b: number) => {
      const host = hostNames[a % hostNames.length] ?? '';
      if (b % 2 === 0) this.away.add(host);
      else this.away.delete(host);
      return Promise.resolve();
    },
    nothing: () => Promise.resolve(),
  };

  private async write(operation: Operation): Promise<void> {
    await this.store.transact({ conditions: [], operations: [operation] });
  }
}

const idOf = (a: number): string => String(a).repeat(64).slice(0, 64);
const some = fc.integer({ min: 0, max: 5 });
const action = fc.constantFrom(...(['createService', 'deleteService', 'network', 'run', 'set', 'remove', 'host', 'nothing'] as const));
/** One change, or several before anybody looks. */
const burst = fc.array(fc.tuple(action, some, fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 3 });

/** By the names of the services: in which order they are says nothing, but all lists must have the same. */
function ordered(news: ServiceNews): unknown {
  const rows = news.candidacies.map((candidacy, place) => ({ ...candidacy, balanced: news.balanced[place], living: news.living[place] }));
  return {
    rows: rows.toSorted((a, b) => a.service.name.localeCompare(b.service.name)),
    lengths: [news.candidacies, news.balanced, news.living].map(({ length }) => length),
    addresses: news.addresses.map(String).toSorted(),
  };
}


t.test('whatever happens, lists that are kept are those that would be made anew; and the same ones if nothing happens', async (t) => {
  let passes = 0;
  const property = fc.asyncProperty(fc.array(burst, { maxLength: 25 }), async (bursts) => {
    const world = new World();
    await world.state.load();
    await world.actions.network(0, 0);
    const kept = world.listing();
    let before = kept();
    for (const steps of bursts) {
      for (const [name, a, b] of steps) await world.actions[name](a, b);
      const now = kept();
      assert.deepEqual(ordered(now), ordered(world.listing({ sharing: false })()));
      if (steps.every(([name]) => name === 'nothing')) for (const list of ['candidacies', 'balanced', 'living', 'addresses'] as const) assert.equal(now[list], before[list]);
      before = now;
      passes += 1;
    }
    world.state.close();
  });
  await t.resolves(fc.assert(property, { numRuns: 200 }));
  t.ok(passes > 500, `${passes} passes were compared`);
});

t.test('services that ask for the same share the list of their providers, and no others do', async (t) => {
  const world = new World();
  await world.state.load();
  await world.actions.network(1, 0);
  await world.actions.run(3, 1);
  // By their second number: app!=a, and the third drains the container.
  for (const [a, b] of [[0, 13], [1, 13], [2, 3]] as const) await world.actions.createService(a, b);
  const { candidacies, balanced, living } = world.listing()();
  const [first, second, drained] = ['s0', 's1', 's2'].map((name) => candidacies.findIndex(({ service }) => service.name === name)) as [number, number, number];
  t.equal(balanced[first]?.providers.length, 1);
  t.equal(balanced[first]?.providers, balanced[second]?.providers);
  t.equal(living[first]?.providers, living[second]?.providers);
  t.same([balanced[drained]?.providers.length, balanced[drained]?.draining?.length], [0, 1]);
});

t.test('a container is about the services that ask for a label that it has, and no longer about those that did', async (t) => {
  const world = new World();
  t.teardown(() => world.state.close());
  await world.state.load();
  const looked: string[] = [];
  const kept = world.listing({ looked: (service) => looked.push(service.name) });
  await world.actions.network(0, 0);
  for (const [service, selector] of [[0, 0], [1, 1], [2, 3]] as const) await world.actions.createService(service, selector);
  await world.actions.run(1, 2);
  kept();
  const lookedAt = async (work: () => Promise<void>): Promise<string> => {
    looked.length = 0;
    await work();
    kept();
    return looked.toSorted().join();
  };
  t.equal(await lookedAt(() => world.actions.set(1, 0)), 's0,s2', 'its label, and none at all');
  t.equal(await lookedAt(() => world.actions.createService(0, 1)), 's0');
  t.equal(await lookedAt(() => world.actions.set(1, 3)), 's2');
  t.equal(await lookedAt(() => world.actions.deleteService(2)), '', 'the last goes');
  t.equal(await lookedAt(() => world.actions.set(1, 0)), '');
  t.equal(await lookedAt(() => world.actions.deleteService(0)), 's1', 'the last takes the place of the first');
  t.equal(await lookedAt(() => world.actions.createService(3, 0)), 's3');
  t.equal(await lookedAt(() => world.actions.set(1, 3)), 's3');
});
