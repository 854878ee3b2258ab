import type { Explanation, ServiceExplanation, ServiceInspect, ServiceObject } from '../src/wire/objects.js';
import { command, type Command, type Context } from './command.js';
import { areOnSeveralHosts, containerName, shortId } from './container.js';
import { createObject } from './creation.js';
import { listFlags, tenantFlag } from './flags.js';
import { type Listing, printList, summaries } from './listing.js';
import { explainPath, inspectOne, keyOf, objectPath } from './paths.js';
import { removeEach } from './removal.js';
import { drain, undrain } from './service-drain.js';
import { balancingFlags, balancingOf, portFlag, selectorFlag } from './service-flags.js';
import { stats } from './service-stats.js';
import { addressesOf, update } from './service-update.js';
import { table } from './table.js';

const create = command({
  name: 'create',
  summary: 'Create a service, or replace all but the network and the service IP of one',
  details:
    'Its service IP leads to the containers of the tenant whose labels satisfy all selectors. ' +
    'A selector is one of key=value, key!=value, "key in (a,b)", "key notin (a,b)", key, "!key".',
  names: { label: 'SERVICE', count: 'one' },
  flags: {
    ...tenantFlag,
    network: { kind: 'text', aliases: ['s'], required: true, describe: 'Network from which the service IP is taken' },
    selector: { ...selectorFlag, required: true },
    port: { ...portFlag, required: true },
    ...balancingFlags,
  },
  examples: [
    'netctl service create app-svc -s contiv-srv-net -l tier=web -l release=stable -p 8080:80:TCP',
    'netctl service create dns -s contiv-srv-net -ip 100.1.1.9 -l "app in (dns,dns-next)" -p 53:53:UDP',
    'netctl service create app-svc -s contiv-srv-net -l tier=web -p 80:80:TCP --weight version=2:10 --weight "version in (3,4):5"',
  ],
  async run([service = ''], values, context) {
    const key = keyOf(values.tenant, service);
    const body: ServiceObject = {
      tenantName: values.tenant,
      serviceName: service,
      networkName: values.network,
      ports: [...values.port],
      selectors: [...values.selector],
      ...balancingOf(values, 'netctl service create'),
    };
    const words = { created: `Creating ServiceLB ${key}`, object: `ServiceLB ${key}` };
    await createObject(objectPath('serviceLBs', key), body, words, context);
    await printServiceIp(key, context);
  },
});

async function printServiceIp(key: string, { api, output }: Context): Promise<void> {
  const { Oper } = await api.get<ServiceInspect>(inspectOne('serviceLBs', key));
  if (Oper.serviceVip) await output.print(`Service IP: ${addressesOf(Oper)}`);
}

type ServiceSummary = ServiceObject & Pick<ServiceInspect['Oper'], 'serviceVip' | 'serviceVip6' | 'drained' | 'numProviders'>;

const listing: Listing<ServiceSummary> = {
  titles: ['ServiceName', 'Tenant', 'Network', 'Service IP', 'Ports', 'Selectors', 'Providers'],
  row: (service) => [
    service.serviceName,
    service.tenantName,
    service.networkName,
    service.serviceVip,
    service.ports.join(','),
    `[${service.selectors.join(' ')}]`,
    String(service.numProviders),
  ],
  name: (service) => service.serviceName,
};

/** Contiv's columns, and what Contiv has not. */
const wideListing: Listing<ServiceSummary> = {
  ...listing,
  titles: [...listing.titles, 'Service IPv6', 'Algorithm', 'Weights', 'Prefer', 'Drained'],
  row: (service) => [
    ...listing.row(service),
    service.serviceVip6 ?? '',
    service.algorithm ?? 'roundrobin',
    service.weights ? `[${service.weights.join(' ')}]` : '',
    service.prefer ?? 'any',
    String(service.drained?.length ?? 0),
  ],
};

const list = command({
  name: 'ls',
  aliases: ['list'],
  summary: 'List the services of a tenant',
  flags: { ...listFlags, wide: { kind: 'switch', aliases: ['w'], describe: 'Show the IPv6 service IPs, algorithms, weights, preferences and how many containers are drained, too' } },
  examples: ['netctl service ls', 'netctl service ls -t blue', 'netctl service ls --wide'],
  async run(_names, values, context) {
    const services = await summaries<ServiceInspect>('serviceLBs', values, context);
    await printList(services.map(summarize), values, values.wide ? wideListing : listing, context);
  },
});

function summarize({ Config, Oper }: ServiceInspect): ServiceSummary {
  const { serviceVip = '', serviceVip6, drained, numProviders = 0 } = Oper;
  return { ...Config, serviceVip, ...(serviceVip6 && { serviceVip6 }), ...(drained && { drained }), numProviders };
}

const inspect = command({
  name: 'inspect',
  summary: 'Show a service, its service IP and providers as JSON',
  names: { label: 'SERVICE', count: 'one' },
  flags: tenantFlag,
  examples: ['netctl service inspect app-svc'],
  async run([service = ''], values, { api, output }) {
    await output.printJson(await api.get<ServiceInspect>(inspectOne('serviceLBs', keyOf(values.tenant, service))));
  },
});

const explain = command({
  name: 'explain',
  summary: 'Show for each container of the tenant why it is a provider, or why not',
  names: { label: 'SERVICE', count: 'one' },
  flags: { ...tenantFlag, json: { kind: 'switch', aliases: ['j'], describe: 'Print JSON' } },
  examples: ['netctl service explain app-svc'],
  async run([service = ''], values, { api, output }) {
    const explanation = await api.get<ServiceExplanation>(explainPath(keyOf(values.tenant, service)));
    if (values.json) return output.printJson(explanation);
    await output.print(explained(explanation));
  },
});

function explained({ tenantName, serviceName, selectors, algorithm, weights, prefer, containers }: ServiceExplanation): string {
  const balancing = `${algorithm === 'roundrobin' ? '' : `, algorithm ${algorithm}`}${weights.length === 0 ? '' : `, weights [${weights.join(' ')}]`}${prefer === 'local' ? ', prefer local' : ''}`;
  const head = `ServiceLB ${keyOf(tenantName, serviceName)} selects [${selectors.join(' ')}]${balancing}`;
  if (containers.length === 0) return `${head}\nTenant ${tenantName} has no containers on its networks.`;
  const weightOf = ({ provider, weight }: Explanation): string[] => (weights.length === 0 ? [] : [provider ? (weight ?? 'the rest') : '']);
  const severalHosts = areOnSeveralHosts(containers);
  const titles = ['Container', 'Container ID', ...(severalHosts ? ['Host'] : []), 'Provider', 'IP', 'Network', ...(weights.length === 0 ? [] : ['Weight']), 'Reason'];
  const rows = containers.map((container) => [
    containerName(container),
    shortId(container),
    ...(severalHosts ? [container.homingHost] : []),
    container.provider ? 'yes' : 'no',
    container.ipAddress ?? '',
    container.network ?? '',
    ...weightOf(container),
    container.reason,
  ]);
  return `${head}\n\n${table(titles, rows)}`;
}

const remove = command({
  name: 'rm',
  aliases: ['delete'],
  summary: 'Delete services; their containers are left alone',
  names: { label: 'SERVICE', count: 'several' },
  flags: tenantFlag,
  examples: ['netctl service rm app-svc', 'netctl service rm -t blue app-svc dns'],
  run: (services, values, context) =>
    removeEach(services, context, (service) => ({
      path: objectPath('serviceLBs', keyOf(values.tenant, service)),
      // Two spaces and a comma: Contiv's own line, which scripts may look for.
      done: `Deleting Service  ${service},${values.tenant}`,
    })),
});

export const serviceCommands: readonly Command[] = [create, update, list, inspect, explain, stats, drain, undrain, remove];
