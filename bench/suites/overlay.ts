import type { Experiment, Figure, Suite } from '../suite.js';
import { startIperf3, tcpStream, udpPackets } from '../support/iperf3.js';
import { Lab } from '../support/lab.js';
import { emptyHosts, plainAddress, plainSegment } from '../support/plain-vxlan.js';
import { tool, type Space } from '../support/space.js';
import type { Times } from '../tools/times.js';

/** From a container on one host to a container on another. */
interface Way {
  readonly client: Space;
  /** What the client calls. */
  readonly address: string;
}

const contenders = {
  plain: 'VXLAN made by hand, on two hosts where nothing else is: on each a bridge, a VXLAN link that knows the other host, and a veth pair into the container; no rule, no conntrack',
  'on Docker hosts': "the same on the two hosts where Docker and netctld are, with a VNI and a UDP port of its own: what the rules and conntrack of these hosts' own namespaces cost is in it",
  netctl: 'a network of netctl: from a container on one host to one on another, each host with Docker and netctld, on the same wire and with the same MTU',
  service: 'the same, through a service IP whose only provider is that other container',
} as const;
type Contender = keyof typeof contenders;

const port = 8000;
/** iperf3's own. */
const streamPort = 5201;
const goal = 0.95;

const figure = (key: string, title: string, unit: string, better: Figure['better']): Figure => ({ key, title, unit, better });

/** Throughput and round trips between containers of two hosts, against VXLAN made by hand. */
export const overlay: Suite = {
  name: 'overlay',
  title: 'Between hosts: netctl against plain VXLAN',
  programs: [['iperf3', '--version'], ['dockerd', '--version'], ['nft', '--version'], ['ip', '-V'], ['etcd', '--version']],
  async prepare(teardown) {
    const lab = new Lab(2);
    teardown(() => lab.down());
    await lab.up();
    const [client, server] = await netctlContainers(lab);
    const mtu = Number(/ mtu (\d+)/.exec(await server.space.run(['ip', 'link', 'show', 'eth0']))?.[1]);
    const [plainClient, plainServer] = await plainSegment({ number: 0, hosts: await emptyHosts(lab.space('wire'), teardown), mtu }, teardown);
    const [besideClient, besideServer] = await plainSegment({ number: 1, hosts: [lab.host(1), lab.host(2)], mtu }, teardown);
    for (const each of [server.space, plainServer, besideServer]) {
      teardown(await startIperf3(each));
      teardown(await each.start([...tool('accept'), String(port)], /listening/, 'server'));
    }
    const ways: Readonly<Record<Contender, Way>> = {
      plain: { client: plainClient, address: plainAddress(2) },
      'on Docker hosts': { client: besideClient, address: plainAddress(2) },
      netctl: { client, address: server.address },
      service: { client, address: server.serviceIp },
    };
    return { contenders: { ...contenders, wire: `a bridge between the hosts, MTU 1500; MTU of the segments ${mtu}` }, experiments: experimentsOn(ways) };
  },
};

function experimentsOn(ways: Readonly<Record<Contender, Way>>): Experiment[] {
  const experiment = (title: string, of: readonly Contender[], figures: readonly Figure[], run: (way: Way) => Promise<Record<string, number>>): Experiment => ({
    ...{ title, contenders: of, figures },
    goals: { netctl: goal, service: goal },
    run: (contender) => run(ways[contender as Contender]),
  });
  const all = Object.keys(contenders) as Contender[];
  return [
    experiment('One TCP stream', all, [figure('stream', 'throughput', 'Mbit/s', 'more')], async ({ client, address }) => ({ stream: await tcpStream(client, address, 1) })),
    experiment('UDP of 64 octets', all, [figure('packets', 'packets that arrive', 'thousand/s', 'more')], async ({ client, address }) => ({ packets: await udpPackets(client, address, 1) })),
    experiment('Ping', ['plain', 'on Docker hosts', 'netctl'], [figure('median', 'round trip', 'us', 'less')], ({ client, address }) => times(client, 'echo', address, '5000')),
    experiment('TCP connections, one after another', all, [figure('rate', 'connections', '1/s', 'more'), figure('median', 'time to first octet', 'us', 'less')], ({ client, address }) =>
      times(client, 'connect', address, String(port), '2000'),
    ),
  ];
}

async function times(client: Space, name: string, ...words: string[]): Promise<Record<string, number>> {
  return { ...(JSON.parse(await client.run([...tool(name), ...words], 'client')) as Times) };
}

interface Server {
  readonly space: Space;
  readonly address: string;
  readonly serviceIp: string;
}

/** A client on the first host, a server on the second, and a service in front of it. */
async function netctlContainers(lab: Lab): Promise<[Space, Server]> {
  await lab.exec(1, 'netctl', 'net', 'create', 'bench', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
  const ports = [`${streamPort}:${streamPort}:tcp`, `${streamPort}:${streamPort}:udp`, `${port}:${port}:tcp`];
  const created = await lab.exec(1, 'netctl', 'service', 'create', 'bench', '-s', 'bench', '-l', 'bench=server', ...ports.flatMap((each) => ['-p', each]));
  const client = await lab.container(1, '--net=bench');
  const space = await lab.container(2, '--net=bench', '--label=bench=server');
  const address = /inet (\S+)\//.exec(await space.run(['ip', '-4', 'address', 'show', 'eth0']))?.[1] ?? '';
  await untilServed(lab);
  return [client, { space, address, serviceIp: /Service IP: (\S+)/.exec(created)?.[1] ?? '' }];
}

/** The first host learns of the other's container from the store. */
async function untilServed(lab: Lab): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await lab.exec(1, 'netctl', 'service', 'ls', '-j')).includes('"numProviders": 1')) {
    if (Date.now() > deadline) throw new Error('the service got no provider within 30 s');
  }
}
