import type { EndpointInspect, EndpointOper, PublishedPortObject } from '../src/wire/objects.js';
import { command } from './command.js';
import { containerName, shortId } from './container.js';
import { Failure, usageError } from './failure.js';
import { matchingEndpoints } from './paths.js';

/** The format is that of `docker port`, which cannot know the ports of a network driver that is not Docker's own. */
export const portCommand = command({
  name: 'port',
  summary: 'Show which ports of a container are published on its host',
  details: 'CONTAINER is a name, or the beginning of an id. PORT/PROTOCOL shows one of its ports only; without a protocol it is tcp.',
  names: { label: 'CONTAINER', count: 'one', maybe: 'PORT[/PROTOCOL]' },
  flags: {},
  examples: ['netctl port web', 'netctl port web 80', 'netctl port web 53/udp'],
  async run([container = '', wanted], _values, { api, output }) {
    const one = wanted === undefined ? undefined : parsePort(wanted);
    const endpoints = await api.get<readonly EndpointInspect[]>(matchingEndpoints(container));
    const published = endpointsOf(container, endpoints.map(({ Oper }) => Oper)).flatMap(({ ports = [] }) => ports);
    if (!one) {
      if (published.length > 0) await output.print(published.map((port) => `${port.port}/${port.protocol} -> ${hostSide(port)}`).join('\n'));
      return;
    }
    const found = published.filter(({ port, protocol }) => port === one.port && protocol === one.protocol);
    if (found.length === 0) throw new Failure('server', `port ${one.port}/${one.protocol} of container ${container} is not published: see "netctl port ${container}"`);
    await output.print(found.map(hostSide).join('\n'));
  },
});

/** @throws Failure `server` if no container, or more than one, is called so. */
function endpointsOf(container: string, endpoints: readonly EndpointOper[]): EndpointOper[] {
  const named = endpoints.filter((endpoint) => containerName(endpoint) === container);
  const found = named.length > 0 ? named : endpoints.filter(({ containerID = '' }) => containerID.startsWith(container));
  if (found.length === 0) throw new Failure('server', `no container on a netctl network is called "${container}", and no id begins so: see "netctl endpoint ls -a"`);
  const ids = [...new Set(found.map(shortId))];
  if (ids.length > 1) throw new Failure('server', `"${container}" is the beginning of ${ids.length} container ids (${ids.join(', ')}): write more of it`);
  return found;
}

/** @throws Failure `usage`. */
function parsePort(text: string): { port: number; protocol: string } {
  const match = /^(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text);
  const port = Number(match?.[1]);
  if (!(port >= 1 && port <= 65_535)) throw usageError(`"${text}" is not a port: write it as PORT or PORT/PROTOCOL, for example 53/udp`, 'netctl port');
  return { port, protocol: match?.[2]?.toLowerCase() ?? 'tcp' };
}

function hostSide({ hostIP, hostPort }: PublishedPortObject): string {
  return `${hostIP.includes(':') ? `[${hostIP}]` : hostIP}:${hostPort}`;
}
