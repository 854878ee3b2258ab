import type { EndpointInspect, EndpointOper } from '../src/wire/objects.js';
import { command, type Command } from './command.js';
import { areOnSeveralHosts, containerName, shortId } from './container.js';
import { Failure } from './failure.js';
import { listFlags } from './flags.js';
import { type Listing, printList, summaries } from './listing.js';
import { matchingEndpoints } from './paths.js';

/** @param severalHosts they are on more than one, so that it is shown on which. */
const listing = (severalHosts: boolean): Listing<EndpointOper> => ({
  titles: ['Container', 'Container ID', ...(severalHosts ? ['Host'] : []), 'Tenant', 'Network', 'IP', 'MAC', 'State'],
  row: (endpoint) => [
    containerName(endpoint),
    shortId(endpoint),
    ...(severalHosts ? [endpoint.homingHost ?? ''] : []),
    endpoint.tenantName,
    networkName(endpoint),
    endpoint.ipAddress.join(', '),
    endpoint.macAddress ?? '',
    endpoint.state ?? '',
  ],
  name: (endpoint) => endpoint.endpointID,
});

/** Contiv's `network.tenant` without the tenant; both may hold dots themselves. */
function networkName({ network, tenantName }: EndpointOper): string {
  const suffix = `.${tenantName}`;
  return network.endsWith(suffix) ? network.slice(0, -suffix.length) : network;
}

const list = command({
  name: 'ls',
  aliases: ['list'],
  summary: 'List the endpoints of a tenant',
  flags: { ...listFlags, quiet: { kind: 'switch', aliases: ['q'], describe: 'Print the endpoint ids only, one per line' } },
  examples: ['netctl endpoint ls', 'netctl ep ls -a'],
  async run(_names, values, context) {
    const endpoints = (await summaries<EndpointInspect>('endpoints', values, context)).map(({ Oper }) => Oper);
    await printList(endpoints, values, listing(areOnSeveralHosts(endpoints)), context);
  },
});

const inspect = command({
  name: 'inspect',
  summary: 'Show endpoints as JSON',
  details: 'TEXT is a part of an endpoint id, a container id or a container name; every endpoint that has it is shown.',
  names: { label: 'TEXT', count: 'one' },
  flags: {},
  examples: ['netctl endpoint inspect 2c30b978c87b', 'netctl ep inspect web'],
  async run([text = ''], _values, { api, output }) {
    const endpoints = await api.get<readonly EndpointInspect[]>(matchingEndpoints(text));
    if (endpoints.length === 0) {
      throw new Failure('server', `no endpoint id, container id or container name contains "${text}": see "netctl endpoint ls -a"`);
    }
    await output.printJson(endpoints);
  },
});

export const endpointCommands: readonly Command[] = [list, inspect];
