import { join } from 'node:path';
import { parseConnections, type Connections } from '../connections.js';
import { nativeTools, type Program, type Space } from './space.js';

/** How connections are begun: so many are kept going, or so many are begun every second whatever becomes of them. */
export type Load = { readonly inFlight: number } | { readonly rate: number };

/** `address:port` of each server; they are called in turn. */
export type Targets = readonly string[];

/** Connections for that many seconds, each until the first octet. One that has none after a second has failed. */
export async function connect(client: Space, { targets, seconds, ...load }: Load & { readonly targets: Targets; readonly seconds: number }): Promise<Connections> {
  const how = 'rate' in load ? ['rate', String(load.rate)] : ['inflight', String(load.inFlight)];
  return parseConnections(await client.run([join(nativeTools, 'connect'), ...how, targets.join(','), String(seconds)], 'client'));
}

/** A server that says this octet on each connection. @returns what ends it. */
export async function acceptConnections(server: Space, port: number, octet: string): Promise<() => Promise<void>> {
  return (await launchServer(server, port, octet)).end;
}

/** The same; answers also which process it is. */
export function launchServer(server: Space, port: number, octet: string): Promise<Program> {
  return server.launch([join(nativeTools, 'accept'), String(port), octet], /listening/, 'server');
}

/** Waits until connections are answered by that many servers. */
export async function untilAnswered(client: Space, targets: Targets, servers: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { answers, failures } = await connect(client, { targets, inFlight: 1, seconds: 0.05 });
    if (answers.size === servers) return;
    if (Date.now() > deadline) throw new Error(`${targets.join(', ')}: ${answers.size} of ${servers} servers answered within 20 s; ${failures[0]?.reason ?? 'nothing failed'}`);
  }
}
