import type { ServiceChangeObject, ServiceInspect, ServiceObject } from '../src/wire/objects.js';
import { command } from './command.js';
import { usageError } from './failure.js';
import { tenantFlag } from './flags.js';
import { inspectOne, keyOf, objectPath } from './paths.js';
import { balancingFlags, balancingOf, portFlag, selectorFlag } from './service-flags.js';

const title = 'netctl service update';

export const update = command({
  name: 'update',
  summary: 'Change what is given of a service, and leave the rest as it is',
  details: 'Open connections go on. The network and the service IPs of a service cannot change. A service with an IPv4 address only gets an IPv6 one, too, if its network has both.',
  names: { label: 'SERVICE', count: 'one' },
  flags: {
    ...tenantFlag,
    network: { kind: 'text', aliases: ['s'], describe: 'Network of the service; it cannot change' },
    selector: { ...selectorFlag, describe: `${selectorFlag.describe}; these replace all that there are` },
    port: { ...portFlag, describe: `${portFlag.describe}; these replace all that there are` },
    ...balancingFlags,
    'preferred-ip': { ...balancingFlags['preferred-ip'], describe: 'Service IP; one that the service has cannot change' },
  },
  examples: [
    'netctl service update app-svc -l tier=web -l "release in (stable,next)"',
    'netctl service update app-svc --weight version=2:10',
    'netctl service update app-svc --algorithm source --weight none',
  ],
  async run([service = ''], values, { api, output }) {
    const key = keyOf(values.tenant, service);
    const body: ServiceChangeObject = {
      ...(values.network !== undefined && { networkName: values.network }),
      ...(values.selector.length > 0 && { selectors: [...values.selector] }),
      ...(values.port.length > 0 && { ports: [...values.port] }),
      ...balancingOf(values, title),
    };
    if (Object.keys(body).length === 0) throw usageError(`${title} needs something to change: give --selector, --port, --algorithm, --weight or --prefer`, title);
    // The answer does not tell what was otherwise before; should another user change it in between, only the words are wrong.
    const before = await api.get<ServiceInspect>(inspectOne('serviceLBs', key));
    await api.change<ServiceObject>('PATCH', objectPath('serviceLBs', key), body);
    const after = await api.get<ServiceInspect>(inspectOne('serviceLBs', key));
    const lines = differences(before, after);
    await output.print(lines.length === 0 ? `Nothing to do: ServiceLB ${key} is so already` : [`Updating ServiceLB ${key}`, ...lines].join('\n'));
  },
});

/** What a user can see change, by the words of the flags. */
const shown: Readonly<Record<string, (service: ServiceInspect) => string>> = {
  selectors: ({ Config }) => `[${Config.selectors.join(' ')}]`,
  ports: ({ Config }) => Config.ports.join(','),
  algorithm: ({ Config }) => Config.algorithm ?? 'roundrobin',
  weights: ({ Config }) => (Config.weights ? `[${Config.weights.join(' ')}]` : 'none'),
  prefer: ({ Config }) => Config.prefer ?? 'any',
  'service IP': ({ Oper }) => addressesOf(Oper),
};

function differences(before: ServiceInspect, after: ServiceInspect): string[] {
  return Object.entries(shown).flatMap(([name, of]) => (of(before) === of(after) ? [] : [`  ${name}: ${of(before)} -> ${of(after)}`]));
}

/** Of a service with one address, that one, of whichever family. */
export function addressesOf({ serviceVip, serviceVip6 }: Pick<ServiceInspect['Oper'], 'serviceVip' | 'serviceVip6'>): string {
  return [...new Set([serviceVip, serviceVip6])].filter(Boolean).join(', ');
}
