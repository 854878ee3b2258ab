import type { Experiment, Figure } from '../suite.js';
import type { Times } from '../tools/times.js';
import { startIperf3, streamPort, tcpStreams, udpPackets } from './iperf3.js';
import type { Lab } from './lab.js';
import { plainAddress, plainSegment, type PlainSegment } from './plain-vxlan.js';
import { acceptConnections, connect } from './connections.js';
import { tool, type Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** From a container on one host to a container on another. */
export interface Way {
  readonly client: Space;
  readonly server: Space;
  /** What the client calls. */
  readonly address: string;
}

/** The ways that netctl makes: to the other container itself, and through a service whose only provider that is. */
export interface NetctlWays {
  readonly direct: Way;
  readonly service: Way;
  /** Of the segment, in bytes. */
  readonly mtu: number;
}

const port = 8000;
/** The least ratio to the reference that is good enough. */
const goal = 0.95;
/** There are five contenders and four experiments, most of which take seconds. */
const mostRounds = 5;

/** A client on the lab's first host, a server on its second, and a service in front of it. @param options of the network */
export async function netctlWays(lab: Lab, ...options: string[]): Promise<NetctlWays> {
  await lab.exec(1, 'netctl', 'net', 'create', 'bench', '-s', '10.1.1.0/24', '-g', '10.1.1.254', ...options);
  const ports = [`${streamPort}:${streamPort}:tcp`, `${streamPort}:${streamPort}:udp`, `${port}:${port}:tcp`];
  const created = await lab.exec(1, 'netctl', 'service', 'create', 'bench', '-s', 'bench', '-l', 'bench=server', ...ports.flatMap((each) => ['-p', each]));
  const client = await lab.container(1, '--net=bench');
  const server = await lab.container(2, '--net=bench', '--label=bench=server');
  // The first host learns of the other's container from the store, and in an encrypted network needs a session with the other host.
  await lab.untilServed(1);
  const { address, mtu } = await linkOf(server);
  return { direct: { client, server, address }, service: { client, server, address: /Service IP: (\S+)/.exec(created)?.[1] ?? '' }, mtu };
}

/** A client on the lab's first host and a server on its second, in a network of a tenant without services. The first host knows the server once it knows of what is made later. */
export async function quietWay(lab: Lab, ...options: string[]): Promise<Way> {
  await lab.exec(1, 'netctl', 'tenant', 'create', 'quiet');
  await lab.exec(1, 'netctl', 'net', 'create', '-t', 'quiet', 'bench', '-s', '10.1.1.0/24', '-g', '10.1.1.254', ...options);
  const client = await lab.container(1, '--net=bench/quiet');
  const server = await lab.container(2, '--net=bench/quiet');
  return { client, server, address: (await linkOf(server)).address };
}

/** Of a container: its IPv4 address, and its MTU in bytes. */
async function linkOf(container: Space): Promise<{ address: string; mtu: number }> {
  const link = await container.run(['ip', 'address', 'show', 'eth0']);
  return { address: /inet ([^/]+)\//.exec(link)?.[1] ?? '', mtu: Number(/ mtu (\d+)/.exec(link)?.[1]) };
}

export async function plainWay(segment: PlainSegment, teardown: Teardown): Promise<Way> {
  const [client, server] = await plainSegment(segment, teardown);
  return { client, server, address: plainAddress(2) };
}

/** What answers there. */
export async function serve(server: Space, teardown: Teardown): Promise<void> {
  teardown(await startIperf3(server));
  teardown(await acceptConnections(server, port, 'a'));
}

const figure = (key: string, title: string, unit: string, better: Figure['better']): Figure => ({ key, title, unit, better });

function streamFigures(what: string, unit: string, inKernel: boolean): Figure[] {
  return [figure('rate', what, `${unit}/s`, 'more'), ...(inKernel ? [figure('perProcessorSecond', 'of processor time', `${unit}/s`, 'more')] : [])];
}

/** `inKernel`: nobody but the kernel and the two ends takes processor time for a packet, so that theirs is all of it. `rival`: whom the goals are to be reached against, unless it is the reference. */
interface Terms {
  readonly inKernel: boolean;
  readonly rival?: string;
}

/**
 * Throughput and round trips.
 * @param ways by contender, the reference first; `netctl` and `service` have goals to reach. A service IP is not pinged: the router answers that itself.
 */
export function experimentsOn(ways: Readonly<Record<string, Way>>, { inKernel, rival }: Terms): Experiment[] {
  const all = Object.keys(ways);
  const goals = (contenders: readonly string[]): Pick<Experiment, 'goals' | 'rivalries'> => {
    const measured = ['netctl', 'service'].filter((contender) => contenders.includes(contender));
    if (rival === undefined) return { goals: Object.fromEntries(measured.map((contender) => [contender, goal])) };
    return { goals: {}, rivalries: measured.map((contender) => ({ contender, rival, goal })) };
  };
  const experiment = (title: string, contenders: readonly string[], figures: readonly Figure[], run: (way: Way) => Promise<Record<string, number>>): Experiment => ({
    ...{ title, contenders, figures, mostRounds },
    ...goals(contenders),
    run: (contender) => {
      const way = ways[contender];
      return way ? run(way) : Promise.reject(new Error(`there is no way ${contender}`));
    },
  });
  const connections = [figure('rate', 'connections', '1/s', 'more'), figure('median', 'time to first octet', 'us', 'less')];
  return [
    experiment('One TCP stream', all, streamFigures('throughput', 'Mbit', inKernel), async ({ client, address }) => ({ ...(await tcpStreams(client, address, 1, 1)) })),
    experiment('UDP of 64 octets', all, streamFigures('packets that arrive', 'thousand', inKernel), async ({ client, address }) => ({ ...(await udpPackets(client, address, 1)) })),
    experiment('Ping', all.filter((name) => name !== 'service'), [figure('median', 'round trip', 'us', 'less')], ({ client, address }) => times(client, 'echo', address, '1000')),
    experiment('TCP connections, one after another', all, connections, async ({ client, address }) => {
      const { rate, median } = await connect(client, { targets: [`${address}:${port}`], inFlight: 1, seconds: 0.3 });
      return { rate, median };
    }),
  ];
}

async function times(client: Space, name: string, ...words: string[]): Promise<Record<string, number>> {
  return { ...(JSON.parse(await client.run([...tool(name), ...words], 'client')) as Times) };
}
