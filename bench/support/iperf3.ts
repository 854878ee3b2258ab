import type { Space } from './space.js';

/** The one program of which all streams are. @returns what ends it. */
export function startIperf3(server: Space): Promise<() => Promise<void>> {
  return server.start(['iperf3', '--server', '--forceflush'], /Server listening/, 'server');
}

interface Report {
  readonly end: {
    readonly sum_received?: { readonly bits_per_second: number };
    readonly sum?: { readonly packets: number; readonly lost_packets: number; readonly seconds: number };
  };
}

/** One TCP stream, for that long; megabits per second that arrive. */
export async function tcpStream(client: Space, address: string, seconds: number): Promise<number> {
  const { end } = await report(client, ['--client', address, '--time', String(seconds)]);
  return (end.sum_received?.bits_per_second ?? NaN) / 1e6;
}

/** As many datagrams as it can, of 64 octets each; thousands per second that arrive. */
export async function udpPackets(client: Space, address: string, seconds: number): Promise<number> {
  const { end } = await report(client, ['--client', address, '--time', String(seconds), '--udp', '--bitrate', '0', '--length', '64']);
  const { packets, lost_packets, seconds: passed } = end.sum ?? { packets: NaN, lost_packets: NaN, seconds: NaN };
  return (packets - lost_packets) / passed / 1000;
}

async function report(client: Space, words: readonly string[]): Promise<Report> {
  return JSON.parse(await client.run(['iperf3', '--json', ...words], 'client')) as Report;
}
