import type { Test } from 'tap';
import type { Conntrack } from '../../daemon/kernel/port.js';
import { IpAddress } from '../../src/model/address.js';
import type { Flow } from '../../src/nat/input.js';
import { hosts, single, web, web6 } from '../unit/nat/scenario.js';
import type { Host } from '../unit/nat/scenario.js';

/** A connection of b9's, from this port, through a service that leads to this provider. */
export interface FlowRequest {
  readonly protocol: 'udp';
  readonly clientPort: number;
  readonly service: string;
  readonly port: number;
  readonly provider: Host;
}

const toSingle = (clientPort: number): FlowRequest => ({ protocol: 'udp', clientPort, service: single, port: 53, provider: 'a1' });
const toWeb6 = (clientPort: number, provider: Host = 'a1'): FlowRequest => ({ ...toSingle(clientPort), service: web6, provider });
const toWeb = (clientPort: number): FlowRequest => ({ ...toSingle(clientPort), service: web, provider: 'a1' });

export function flowOf({ protocol, clientPort, service, port, provider }: FlowRequest): Flow {
  const family = IpAddress.parse(service).family;
  const addressOf = (name: Host): IpAddress => {
    const address = hosts[name].addresses.map((text) => IpAddress.parse(text)).find((each) => each.family === family);
    if (!address) throw new Error(`${name} has no address of family ${family}`);
    return address;
  };
  return {
    protocol,
    client: { address: addressOf('b9'), port: clientPort },
    service: { address: IpAddress.parse(service), port },
    provider: { address: addressOf(provider), port: 5353 },
  };
}

const textOf = ({ protocol, client, service, provider }: Flow): string =>
  [protocol, ...[client, service, provider].map(({ address, port }) => `${address.toString()}#${port}`)].join(' ');
const textsOf = (flows: readonly Flow[]): string[] => flows.map(textOf).toSorted();

/** An implementation to try, and how connections come about there. */
export interface ConntrackBed {
  readonly conntrack: Conntrack;
  readonly tenant: string;
  readonly make: (requests: readonly FlowRequest[]) => Promise<void>;
}

interface Case {
  readonly name: string;
  readonly made: readonly FlowRequest[];
  readonly removed: (conntrack: Conntrack, tenant: string) => Promise<number>;
  readonly count: number;
  readonly left: readonly FlowRequest[];
}

const removal = (...requests: readonly FlowRequest[]): Case['removed'] => (conntrack, tenant) => conntrack.remove(tenant, requests.map(flowOf));

const cases: readonly Case[] = [
  { name: 'nothing of nothing', made: [], removed: removal(), count: 0, left: [] },
  { name: 'nothing', made: [toSingle(1001)], removed: removal(), count: 0, left: [toSingle(1001)] },
  { name: 'one', made: [toSingle(1001)], removed: removal(toSingle(1001)), count: 1, left: [] },
  { name: 'one of two clients', made: [toSingle(1001), toSingle(1002)], removed: removal(toSingle(1001)), count: 1, left: [toSingle(1002)] },
  { name: 'all clients of a service', made: [toSingle(1001), toSingle(1002), toWeb(1001)], removed: removal(toSingle(1002), toSingle(1001)), count: 2, left: [toWeb(1001)] },
  { name: 'of both families', made: [toSingle(1001), toWeb6(1001), toWeb6(1002, 'a2')], removed: removal(toSingle(1001), toWeb6(1001)), count: 2, left: [toWeb6(1002, 'a2')] },
  { name: 'what is not there', made: [toSingle(1001)], removed: removal(toSingle(1002), toWeb(1001)), count: 0, left: [toSingle(1001)] },
  { name: 'one that now has another provider', made: [toSingle(1001)], removed: removal({ ...toSingle(1001), provider: 'a2' }), count: 0, left: [toSingle(1001)] },
];

/** What every implementation of Conntrack does. */
export async function conntrackContract(t: Test, { conntrack, tenant, make }: ConntrackBed): Promise<void> {
  for (const { name, made, removed, count, left } of cases) {
    await t.test(`forgotten: ${name}`, async (t) => {
      await conntrack.remove(tenant, await conntrack.list(tenant));
      await make(made);
      t.same(textsOf(await conntrack.list(tenant)), textsOf(made.map(flowOf)), 'listed');
      t.equal(await removed(conntrack, tenant), count);
      t.same(textsOf(await conntrack.list(tenant)), textsOf(left.map(flowOf)));
    });
  }

  await t.test('only those with one of the ends that are asked for are listed', async (t) => {
    await conntrack.remove(tenant, await conntrack.list(tenant));
    const made = [toSingle(1001), toWeb6(1001), toWeb6(1002, 'a2'), toWeb(1001)];
    await make(made);
    const [single4, , web6b, web4] = made.map(flowOf);
    const listed = async (providers: readonly (Flow | undefined)[], services: readonly (Flow | undefined)[]): Promise<string[]> =>
      textsOf(await conntrack.list(tenant, { providers: providers.flatMap((flow) => flow?.provider.address ?? []), services: services.flatMap((flow) => flow?.service.address ?? []) }));
    const texts = (...indices: number[]): string[] => textsOf(made.filter((_, index) => indices.includes(index)).map(flowOf));
    t.same(await listed([], []), [], 'of no end');
    t.same(await listed([single4], []), texts(0, 3), 'that lead to a provider');
    t.same(await listed([web6b], []), texts(2), 'by IPv6');
    t.same(await listed([], [web6b]), texts(1, 2), 'that were asked of a service');
    t.same(await listed([single4], [web4]), texts(0, 3), 'one that has both is there once');
    t.same(await listed([web6b], [web4]), texts(2, 3));
    t.same(await listed([], [{ ...flowOf(toWeb(1001)), service: { address: flowOf(toWeb(1001)).client.address, port: 1 } }]), [], 'the client is no end');
    const many = Array.from({ length: 40 }, (_, index) => IpAddress.parse(`10.200.0.${index + 1}`));
    t.same(textsOf(await conntrack.list(tenant, { providers: [...many, flowOf(toSingle(1001)).provider.address], services: [] })), texts(0, 3), 'among many ends');
  });

  await t.test('without a router there is nothing to list or forget', async (t) => {
    await t.rejects(conntrack.list('nobody'), { code: 'unavailable' });
    await t.rejects(conntrack.remove('nobody', [flowOf(toSingle(1001))]), { code: 'unavailable' });
  });
}
