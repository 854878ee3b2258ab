import { IpAddress } from '../../src/model/address.js';
import type { Axis, Suite } from '../suite.js';
import { acceptConnections, untilAnswered } from '../support/connections.js';
import { loadNetctlRules } from '../support/netctl-rules.js';
import { makeSite, serverAddress, serviceAddress } from '../support/site.js';
import { connectExperiment, type ConnectWay } from '../support/way.js';

type Teardown = (work: () => Promise<unknown>) => void;

const numbers = [1, 10, 100, 1000];
const [serverPort, servicePort] = [8000, 80];
/** All providers' addresses are the one server's, so that it does the same work however many there are. */
const providerPrefix = '10.112.0.0/16';
const firstProvider = IpAddress.parse('10.112.0.1');

/** New connections through one service with many providers: as many can be had with a thousand as with one. */
export const providers: Suite = {
  name: 'providers',
  title: 'Many providers: netctl against itself',
  programs: [['nft', '--version'], ['ip', '-V']],
  async prepare(teardown) {
    const ways = new Map(await Promise.all(numbers.map((number) => wayOf(number, teardown))));
    for (const { client, targets } of ways.values()) await untilAnswered(client, targets, 1);
    const [, ...others] = [...ways.keys()];
    return {
      contenders: {
        '1 provider': 'the rules that netctl plans for a service, in a router; client, router and server are in namespaces of their own, with veth pairs between them',
        '10, 100, 1000': 'the same with so many providers, whose addresses are all taken by the one server',
      },
      experiments: [connectExperiment('New TCP connections through a service with many providers', ways, { goals: Object.fromEntries(others.map((contender) => [contender, 0.97])), ofTimes: true, axis })],
    };
  },
};

const nameOf = (number: number): string => (number === 1 ? '1 provider' : `${number} providers`);

const axis: Axis = { title: 'providers', places: Object.fromEntries(numbers.map((at) => [nameOf(at), { at, line: 'netctl' }])) };

async function wayOf(number: number, teardown: Teardown): Promise<[string, ConnectWay]> {
  const site = await makeSite(`p${number}`, 1, teardown);
  const [server] = site.servers;
  await server?.ip(`route add local ${providerPrefix} dev lo`);
  await site.router.ip(`route add ${providerPrefix} via ${serverAddress(0)}`);
  if (server) teardown(await acceptConnections(server, serverPort, 'a'));
  const providers = Array.from({ length: number }, (_, index) => ({ address: firstProvider.plus(BigInt(index)).toString(), port: serverPort }));
  await loadNetctlRules(site, [{ address: serviceAddress, port: servicePort, providers }]);
  return [nameOf(number), { client: site.client, targets: [`${serviceAddress}:${servicePort}`], behind: site.servers }];
}
