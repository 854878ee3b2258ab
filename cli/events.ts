import { eventKinds } from '../src/model/event.js';
import type { EventObject } from '../src/wire/objects.js';
import { command, type Context } from './command.js';
import { usageError } from './failure.js';
import { printable } from './output.js';
import { eventsPath } from './paths.js';

export const eventsCommand = command({
  name: 'events',
  summary: 'Show what happened to tenants, networks, services, endpoints and the host',
  details: 'netctld remembers the last 2000 events since it started; its log has them all. NAME shows those of one object.',
  names: { label: 'NAME', count: 'optional' },
  flags: {
    follow: { kind: 'switch', aliases: ['f'], describe: 'Go on and show each further event' },
    tenant: { kind: 'text', aliases: ['t'], describe: 'Only those of this tenant' },
    kind: { kind: 'text', aliases: ['k'], describe: `Only those of one kind of object: ${eventKinds.join(', ')}` },
    json: { kind: 'switch', aliases: ['j'], describe: 'Print each event as JSON, one per line' },
  },
  examples: ['netctl events', 'netctl events --follow', 'netctl events -k service -t blue app-svc'],
  async run([name], values, context) {
    const { kind, tenant, follow } = values;
    if (kind !== undefined && !(eventKinds as readonly string[]).includes(kind)) {
      throw usageError(`"${kind}" is no kind of object: use one of ${eventKinds.join(', ')}`, 'netctl events');
    }
    const print = (event: EventObject): Promise<void> => context.output.print(values.json ? JSON.stringify(event) : lineOf(event));
    const query = { ...(kind && { kind }), ...(tenant && { tenant }), ...(name && { name }) };
    if (follow) return followEvents(query, print, context);
    for (const event of await context.api.get<readonly EventObject[]>(eventsPath(query))) await print(event);
  },
});

/** Until the user ends it, which is no failure, or netctld ends. */
async function followEvents(query: Record<string, string>, print: (event: EventObject) => Promise<void>, { api }: Context): Promise<void> {
  process.once('SIGINT', () => process.exit(0));
  for await (const line of api.lines(eventsPath({ ...query, follow: 'true' }))) await print(JSON.parse(line) as EventObject);
}

/** As `docker events` begins each line with the time, and kubectl has the rest. */
function lineOf({ last, type, reason, kind, tenantName, name, message, count }: EventObject): string {
  const object = kind === 'host' || kind === 'tenant' ? `${kind} ${name}` : `${kind} ${tenantName ?? ''}:${kind === 'endpoint' ? name.slice(0, 12) : name}`;
  const times = count > 1 ? ` (${count} times)` : '';
  return printable(`${last} ${type === 'warning' ? 'Warning' : 'Normal '} ${reason} ${object}: ${message}${times}`);
}
