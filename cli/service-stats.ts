import { setTimeout } from 'node:timers/promises';
import type { ServiceStatsObject, StatsCounts } from '../src/wire/objects.js';
import { command, type Context } from './command.js';
import { containerName } from './container.js';
import { usageError } from './failure.js';
import { tenantFlag } from './flags.js';
import { keyOf, statsOfTenant, statsPath } from './paths.js';
import { ratesTitles, ratesBetween } from './rates.js';
import { table } from './table.js';
import { bytes } from './units.js';

/** Seconds between two readings, if it is not said. */
const usualInterval = '2';
const [shortest, longest] = [0.2, 3600];

type Stats = readonly ServiceStatsObject[];

export const stats = command({
  name: 'stats',
  summary: 'Show the connections, bytes and packets of services, by port and provider',
  details:
    'Without SERVICE, those of all services of the tenant. The kernel counts for as long as a container is a provider; open are the connections that are tracked and that TCP has not closed. ' +
    'Received is what came from clients, sent what went back. A provider is serving, draining, or former: it has only connections from before.',
  names: { label: 'SERVICE', count: 'any' },
  flags: {
    ...tenantFlag,
    watch: { kind: 'text', aliases: [], bare: usualInterval, describe: `Show it again every so many seconds, with what it was per second, until Ctrl-C [without a number: ${usualInterval}]` },
    json: { kind: 'switch', aliases: ['j'], describe: 'Print a JSON array; with --watch one per line' },
  },
  examples: ['netctl service stats', 'netctl service stats app-svc --watch', 'netctl service stats --watch 0.5 -t blue app-svc dns', 'netctl service stats --watch 60 -j >> app-svc.log'],
  async run(names, values, context) {
    const read = (): Promise<Stats> => readStats(values.tenant, names, context);
    const { watch, json } = values;
    if (watch !== undefined) return repeat(intervalOf(watch), read, json, context);
    const now = await read();
    if (json) return context.output.printJson(now);
    await context.output.print(now.length === 0 ? `Tenant ${values.tenant} has no services.` : blocks(now));
  },
});

async function readStats(tenant: string, names: readonly string[], { api }: Context): Promise<Stats> {
  if (names.length === 0) return api.get<Stats>(statsOfTenant(tenant));
  return Promise.all(names.map((name) => api.get<ServiceStatsObject>(statsPath(keyOf(tenant, name)))));
}

/** In seconds. @throws Failure `usage`. */
function intervalOf(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (seconds >= shortest && seconds <= longest) return seconds;
  throw usageError(`--watch is "${text}", which is not a number of seconds from ${shortest} to ${longest}`, 'netctl service stats');
}

/** Until the user ends it, which is no failure: he has seen what he wanted. */
async function repeat(seconds: number, read: () => Promise<Stats>, json: boolean, { output }: Context): Promise<never> {
  process.once('SIGINT', () => process.exit(0));
  for (let before: Stats | undefined; ; ) {
    const now = await read();
    if (json) await output.print(JSON.stringify(now));
    else await output.repaint(`Every ${seconds} s, ${now[0]?.time ?? new Date().toISOString()}\n\n${blocks(now, before ?? [])}`);
    before = now;
    await setTimeout(seconds * 1000);
  }
}

/** @param before the reading to which rates are told; absent: none are. */
function blocks(now: Stats, before?: Stats): string {
  return now.map((service) => block(service, before && { service: before.find((earlier) => keyFor(earlier) === keyFor(service)) })).join('\n');
}

function block(now: ServiceStatsObject, before?: { readonly service: ServiceStatsObject | undefined }): string {
  // What is watched stands first of what moves: a terminal of 80 columns cuts off the rest.
  const titles = ['Port', 'Container', 'IP', 'State', 'Connections', 'Open', ...(before ? ratesTitles : []), 'Received', 'Packets in', 'Sent', 'Packets out'];
  const rates = (later: StatsCounts, earlier: StatsCounts | undefined): string[] => (before ? ratesBetween(earlier, later, secondsBetween(before.service, now)) : []);
  const rows = now.ports.flatMap(({ port, providers }, at) =>
    providers.map((provider) => {
      const ip = provider.ipAddress.join(', ');
      const earlier = before?.service?.ports[at]?.providers.find((other) => other.ipAddress.join(', ') === ip);
      return [port, containerName(provider), ip, provider.state, ...countCells(provider, rates(provider, earlier))];
    }),
  );
  const total = ['total', '', '', '', ...countCells(now.total, rates(now.total, before?.service?.total))];
  return `ServiceLB ${keyFor(now)}\n\n${table(titles, [...rows, total])}`;
}

function countCells(counts: StatsCounts, rates: readonly string[]): string[] {
  const { connections, openConnections, receivedBytes, receivedPackets, sentBytes, sentPackets } = counts;
  return [String(connections), String(openConnections), ...rates, bytes(receivedBytes), String(receivedPackets), bytes(sentBytes), String(sentPackets)];
}

function keyFor({ tenantName, serviceName }: ServiceStatsObject): string {
  return keyOf(tenantName, serviceName);
}

function secondsBetween(before: ServiceStatsObject | undefined, now: ServiceStatsObject): number {
  return before ? (Date.parse(now.time) - Date.parse(before.time)) / 1000 : NaN;
}
