import { IpAddress } from '../../src/model/address.js';
import type { BenchService } from '../peers/service.js';
import type { Axis, Suite } from '../suite.js';
import { acceptConnections, untilAnswered } from '../support/connections.js';
import { loadNetctlRules } from '../support/netctl-rules.js';
import { makeSite, serverAddress } from '../support/site.js';
import { connectExperiment, type ConnectWay } from '../support/way.js';

type Teardown = (work: () => Promise<unknown>) => void;

const sizes = [1, 100, 1000, 10_000, 40_000];
const [serverPort, servicePort] = [8000, 80];
const octets = ['a', 'b'];
/** The contender that is the reference. */
const only = '1 service';
const firstService = IpAddress.parse('10.96.0.1');
const firstProvider = IpAddress.parse('10.112.0.1');

/** New connections through one of many services: as many can be had of the last of 40,000 as of an only one. */
export const services: Suite = {
  name: 'services',
  title: 'Many services: netctl against itself',
  programs: [['nft', '--version'], ['ip', '-V']],
  async prepare(teardown) {
    const ways = new Map<string, ConnectWay>();
    // Not at once: loading 40,000 services must not take longer than the adapter lets it.
    for (const size of sizes) for (const [contender, way] of await waysOf(size, teardown)) ways.set(contender, way);
    for (const { client, targets } of ways.values()) await untilAnswered(client, targets, octets.length);
    const [, ...others] = [...ways.keys()];
    return {
      contenders: {
        [only]: 'the rules that netctl plans for a service with two providers, in a router; client, router and both servers are in namespaces of their own, with veth pairs between them',
        'first, middle, last': 'the same with so many services, each with two providers; called is one of them, whose providers are there: the others lead to addresses where nobody is',
      },
      experiments: [connectExperiment('New TCP connections through one of many services', ways, { goals: Object.fromEntries(others.map((contender) => [contender, 0.97])), ofTimes: true, axis })],
    };
  },
};

async function waysOf(size: number, teardown: Teardown): Promise<[string, ConnectWay][]> {
  const site = await makeSite(`s${size}`, octets.length, teardown);
  for (const [server, space] of site.servers.entries()) teardown(await acceptConnections(space, serverPort, octets[server] ?? '?'));
  const called = calledOf(size);
  await loadNetctlRules(site, Array.from({ length: size }, (_, index) => service(index, [...called.values()].includes(index))));
  return [...called].map(([name, index]) => [name, { client: site.client, targets: [`${addressOf(index)}:${servicePort}`], behind: site.servers }]);
}

/** The services that are called, by the contender's name. */
function calledOf(size: number): Map<string, number> {
  if (size === 1) return new Map([[only, 0]]);
  const places = { first: 0, middle: size / 2, last: size - 1 };
  return new Map(Object.entries(places).map(([place, index]) => [nameOf(size, place), index]));
}

const nameOf = (size: number, place: string): string => `${size}, ${place}`;

const axis: Axis = {
  title: 'services',
  places: {
    [only]: { at: 1 },
    ...Object.fromEntries(sizes.slice(1).flatMap((size) => ['first', 'middle', 'last'].map((line) => [nameOf(size, line), { at: size, line }] as const))),
  },
};

const addressOf = (index: number): string => firstService.plus(BigInt(index)).toString();

function service(index: number, called: boolean): BenchService {
  const providers = octets.map((_, server) => (called ? serverAddress(server) : firstProvider.plus(BigInt(index * octets.length + server)).toString()));
  return { address: addressOf(index), port: servicePort, providers: providers.map((address) => ({ address, port: serverPort })) };
}
