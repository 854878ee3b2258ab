import type { Space } from './space.js';

/** Where it listens, TCP and UDP, if it is told nothing else. */
export const streamPort = 5201;

/** The one program of which all streams are. @returns what ends it. */
export function startIperf3(server: Space): Promise<() => Promise<void>> {
  return server.start(['iperf3', '--server', '--forceflush'], /Server listening/, 'server');
}

/** What a stream brought to its other end. */
export interface Stream {
  /** Millions of bits, or thousands of packets, per second. */
  readonly rate: number;
  /** The same for each second of processor time that both ends took, with what the kernel did for them: others who use the machine do not change it. */
  readonly perProcessorSecond: number;
}

interface Report {
  readonly end: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum?: { readonly packets: number; readonly lost_packets: number; readonly seconds: number };
    /** Of one processor each. */
    readonly cpu_utilization_percent: { readonly host_total: number; readonly remote_total: number };
  };
}

/** TCP streams, so many at once and for that long; megabits of all of them. */
export async function tcpStreams(client: Space, address: string, streams: number, seconds: number): Promise<Stream> {
  const report = await run(client, ['--client', address, '--time', String(seconds), '--parallel', String(streams)]);
  return streamOf((report.end.sum_received?.bits_per_second ?? NaN) / 1e6, report);
}

/** As many datagrams as it can, of 64 octets each; thousands. */
export async function udpPackets(client: Space, address: string, seconds: number): Promise<Stream> {
  const report = await run(client, ['--client', address, '--time', String(seconds), '--udp', '--bitrate', '0', '--length', '64']);
  const { packets, lost_packets, seconds: passed } = report.end.sum ?? { packets: NaN, lost_packets: NaN, seconds: NaN };
  return streamOf((packets - lost_packets) / passed / 1000, report);
}

function streamOf(rate: number, { end: { cpu_utilization_percent: used } }: Report): Stream {
  return { rate, perProcessorSecond: rate / ((used.host_total + used.remote_total) / 100) };
}

async function run(client: Space, words: readonly string[]): Promise<Report> {
  return JSON.parse(await client.run(['iperf3', '--json', ...words], 'client')) as Report;
}
