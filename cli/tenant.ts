import type { TenantInspect, TenantObject } from '../src/wire/objects.js';
import { command, type Command } from './command.js';
import { createObject } from './creation.js';
import { formatFlags } from './flags.js';
import { type Listing, printList } from './listing.js';
import { inspectAll, inspectOne, objectPath } from './paths.js';
import { removeEach } from './removal.js';

const create = command({
  name: 'create',
  summary: 'Create a tenant, a namespace of names and addresses, or change who reaches it',
  details:
    'Tenants may use the same subnets, and never reach each other. Tenant "default" is always there. ' +
    'With host access the host itself reaches the service IPs and the containers of the tenant, so that its subnets must be free on the host.',
  names: { label: 'TENANT', count: 'one' },
  flags: {
    'host-access': { kind: 'setting', aliases: [], describe: 'Let the host itself reach the tenant [default: only tenant "default"]' },
  },
  examples: ['netctl tenant create blue', 'netctl tenant create blue --host-access', 'netctl tenant create default --host-access=false'],
  async run([tenant = ''], { 'host-access': hostAccess }, context) {
    const words = { created: `Creating tenant: ${tenant}`, object: `tenant ${tenant}` };
    const object = { tenantName: tenant, ...(hostAccess === undefined ? {} : { hostAccess }) };
    await createObject<TenantObject>(objectPath('tenants', tenant), object, words, context);
  },
});

type TenantSummary = TenantObject & Omit<TenantInspect['Oper'], 'error'>;

const listing: Listing<TenantSummary> = {
  titles: ['Name', 'Networks', 'Services', 'Endpoints'],
  row: (tenant) => [
    tenant.tenantName,
    String(tenant.totalNetworks),
    String(tenant.totalServicelbs),
    String(tenant.totalEndpoints),
  ],
  name: (tenant) => tenant.tenantName,
};

const list = command({
  name: 'ls',
  aliases: ['list'],
  summary: 'List the tenants',
  flags: formatFlags,
  examples: ['netctl tenant ls', 'netctl tenant ls -q'],
  async run(_names, values, context) {
    const tenants = await context.api.get<readonly TenantInspect[]>(inspectAll('tenants'));
    await printList(tenants.map(summarize), values, listing, context);
  },
});

function summarize({ Config, Oper }: TenantInspect): TenantSummary {
  const { totalNetworks = 0, totalServicelbs = 0, totalEndpoints = 0 } = Oper;
  return { ...Config, totalNetworks, totalServicelbs, totalEndpoints };
}

const inspect = command({
  name: 'inspect',
  summary: 'Show a tenant as JSON',
  names: { label: 'TENANT', count: 'one' },
  flags: {},
  examples: ['netctl tenant inspect blue'],
  async run([tenant = ''], _values, { api, output }) {
    await output.printJson(await api.get<TenantInspect>(inspectOne('tenants', tenant)));
  },
});

const remove = command({
  name: 'rm',
  aliases: ['delete'],
  summary: 'Delete tenants that have no networks left',
  names: { label: 'TENANT', count: 'several' },
  flags: {},
  examples: ['netctl tenant rm blue', 'netctl tenant rm blue green'],
  run: (tenants, _values, context) =>
    removeEach(tenants, context, (tenant) => ({ path: objectPath('tenants', tenant), done: `Deleting tenant ${tenant}` })),
});

export const tenantCommands: readonly Command[] = [create, list, inspect, remove];
