import type { Experiment, Figure, Suite } from '../suite.js';
import { startIperf3, streamPort, tcpStreams, udpPackets, type Stream } from '../support/iperf3.js';
import { Lab } from '../support/lab.js';
import { bridgedAddress, bridgedContainers, neighbourOf, netctlService } from '../support/one-host.js';
import { makeSite, serverAddress } from '../support/site.js';
import type { Space } from '../support/space.js';

interface Way {
  readonly client: Space;
  readonly address: string;
}

/** Seconds of each turn. */
const turn = 1;

/** What connections carry that go through a service, against a router in which there is no rule. */
export const throughput: Suite = {
  name: 'throughput',
  title: 'Throughput: through a service of netctl, and without any balancing',
  programs: [['iperf3', '--version'], ['dockerd', '--version'], ['nft', '--version'], ['ip', '-V']],
  async prepare(teardown) {
    const lab = new Lab(1);
    teardown(() => lab.down());
    await lab.up();
    const service = await netctlService(lab, 1, ['tcp', 'udp'].map((protocol) => `${streamPort}:${streamPort}:${protocol}`));
    const site = await makeSite('direct', 1, teardown);
    const bridged = await bridgedContainers(lab, 1);
    for (const server of [...service.servers, ...site.servers, ...bridged.servers]) teardown(await startIperf3(server));
    const ways = {
      direct: { client: site.client, address: serverAddress(0) },
      netctl: service,
      'netctl, one network': { client: await neighbourOf(lab), address: service.address },
      'docker, direct': { client: bridged.client, address: bridgedAddress(0) },
    };
    return {
      contenders: {
        direct: 'from a client through a router to a server, each in a namespace of its own and with a veth pair of its own to the router, in which there is no rule',
        netctl: 'a service on a Docker host with netctld: the client is a container in one network, its only provider one in another, and what is between is the router that netctl made, with a bridge for each network',
        'netctl, one network': 'the same service, and a client in the network of the provider',
        'docker, direct': "two containers on one bridge network of Docker's own on that host; the client calls the other's own address, as it would without netctl",
      },
      experiments: [
        experiment('One TCP stream', 'Mbit', ways, ({ client, address }) => tcpStreams(client, address, 1, turn)),
        experiment('Eight TCP streams', 'Mbit', ways, ({ client, address }) => tcpStreams(client, address, 8, turn)),
        experiment('UDP of 64 octets', 'thousand', ways, ({ client, address }) => udpPackets(client, address, turn)),
      ],
    };
  },
};

function experiment(title: string, unit: string, ways: Readonly<Record<string, Way>>, run: (way: Way) => Promise<Stream>): Experiment {
  const figures: Figure[] = [
    { key: 'rate', title: 'what arrives', unit: `${unit}/s`, better: 'more' },
    { key: 'perProcessorSecond', title: 'the same for each second of processor time', unit: `${unit}/s`, better: 'more', withoutGoal: true },
  ];
  return {
    ...{ title, contenders: Object.keys(ways), figures, goals: { netctl: 0.97 } },
    rivalries: [{ contender: 'netctl, one network', rival: 'docker, direct', goal: 0.97 }],
    run: async (contender) => {
      const way = ways[contender];
      if (!way) throw new Error(`there is no way ${contender}`);
      return { ...(await run(way)) };
    },
  };
}
