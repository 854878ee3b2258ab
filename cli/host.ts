import type { HostInspect, HostOper, HostRemovalObject } from '../src/wire/objects.js';
import { age } from './age.js';
import { command, type Command } from './command.js';
import { confirmed, requireSomebody, yesFlag } from './confirmation.js';
import { containerName } from './container.js';
import { formatFlags } from './flags.js';
import { rekey } from './host-key.js';
import { type Listing, printList } from './listing.js';
import { printable } from './output.js';
import { inspectAll, inspectOne, objectPath } from './paths.js';
import { forEachName } from './removal.js';

const unknown = '-';

/** @param withReasons some of them is not ready, so that it is shown why. */
const listing = (withReasons: boolean, now: number): Listing<HostOper> => ({
  titles: ['Name', 'State', 'Age', 'Version', 'Address', 'Endpoints', 'RTT', 'Path MTU', ...(withReasons ? ['Reason'] : [])],
  row: (host) => [
    host.hostName,
    host.state,
    host.since === undefined ? unknown : age(now - Date.parse(host.since)),
    host.version,
    host.underlayAddress ?? unknown,
    String(host.numEndpoints),
    host.roundTripMs === undefined ? unknown : `${host.roundTripMs.toFixed(2)} ms`,
    host.pathMTU === undefined ? unknown : String(host.pathMTU),
    host.reason ?? '',
  ],
  name: (host) => host.hostName,
});

const list = command({
  name: 'ls',
  aliases: ['list'],
  summary: 'List the hosts that share the state, and how they are reached from the one that is asked',
  details: 'Age is how long a host is there, or away. RTT and path MTU are those of packets of containers, between the host that is asked and each of the others.',
  flags: formatFlags,
  examples: ['netctl host ls', 'netctl host ls -q'],
  async run(_names, values, context) {
    const hosts = (await context.api.get<readonly HostInspect[]>(inspectAll('hosts'))).map(({ Oper }) => Oper);
    await printList(hosts, values, listing(hosts.some(({ reason }) => reason !== undefined), Date.now()), context);
  },
});

const inspect = command({
  name: 'inspect',
  summary: 'Show a host and what is on it as JSON',
  names: { label: 'HOST', count: 'one' },
  flags: {},
  examples: ['netctl host inspect h2'],
  async run([host = ''], _values, { api, output }) {
    await output.printJson(await api.get<HostInspect>(inspectOne('hosts', host)));
  },
});

const title = 'netctl host rm';

const remove = command({
  name: 'rm',
  aliases: ['remove', 'delete'],
  summary: 'Free all that hosts hold that are away for good',
  details: 'Others get the addresses of its containers then. A host that is there is not removed. One that comes back after all is one of them again, without what was freed.',
  names: { label: 'HOST', count: 'several' },
  flags: { yes: yesFlag },
  examples: ['netctl host rm h3', 'netctl host rm --yes h3'],
  async run(hosts, { yes }, { api, output }) {
    if (!yes) requireSomebody(title);
    await forEachName(hosts, output, async (host) => {
      const sure = yes || (await confirmed(question(host, await api.find<HostInspect>(inspectOne('hosts', host)))));
      return sure ? removed(await api.change<HostRemovalObject>('DELETE', objectPath('hosts', host))) : `Host ${host} stays`;
    });
  },
});

/** The names of this many containers tell whether it is the right host. */
const mostNames = 5;

/** @param found absent: netctld does not know the host, but something may still be said to be on it. */
function question(host: string, found: HostInspect | undefined): string {
  if (!found) return printable(`Free what host ${host} holds, which is not known?`);
  const { endpoints = [] } = found.Oper;
  const names = endpoints.map(containerName).filter((name) => name !== '').sort();
  const more = endpoints.length - Math.min(names.length, mostNames);
  const shown = [...names.slice(0, mostNames), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  const held = endpoints.length === 0 ? 'It has no endpoints.' : `It has ${counted(endpoints.length, 'endpoint')}, of ${shown}: others get their addresses then.`;
  return printable(`Remove host ${host}? ${held}`);
}

function removed({ hostName, freedEndpoints, freedAddresses, freedPorts }: HostRemovalObject): string {
  const ports = freedPorts === 0 ? '' : `, ${counted(freedPorts, 'published port')}`;
  return `Removing host ${hostName}: ${counted(freedEndpoints, 'endpoint')}, ${counted(freedAddresses, 'address', 'addresses')}${ports} freed`;
}

function counted(number: number, noun: string, nouns = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : nouns}`;
}

export const hostCommands: readonly Command[] = [list, inspect, remove, rekey];
