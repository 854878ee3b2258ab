import { defaultTenant } from '../src/model/names.js';
import type { Flags } from './command.js';

/** Flags that several commands share, spelt as Contiv spells them. */
export const tenantFlag = {
  tenant: { kind: 'text', aliases: ['t'], default: defaultTenant, describe: 'Name of the tenant' },
} as const satisfies Flags;

export const formatFlags = {
  json: { kind: 'switch', aliases: ['j'], excludes: 'quiet', describe: 'Print a JSON array' },
  quiet: { kind: 'switch', aliases: ['q'], describe: 'Print the names only, one per line' },
} as const satisfies Flags;

export const listFlags = {
  // Without a default of its own, so that `-a -t blue` is seen as the contradiction it is.
  tenant: { kind: 'text', aliases: ['t'], describe: `Name of the tenant [default: "${defaultTenant}"]` },
  all: { kind: 'switch', aliases: ['a'], excludes: 'tenant', describe: 'List those of all tenants' },
  ...formatFlags,
} as const satisfies Flags;

/** Taken by every command. */
export const globalFlags = {
  host: {
    kind: 'text',
    aliases: ['H', 'netmaster'],
    describe: 'Where netctld listens: unix:///PATH or http://HOST:PORT [default: $NETCTL_HOST, or its Unix socket]',
  },
  help: { kind: 'switch', aliases: ['h'], describe: 'Show help' },
} as const satisfies Flags;
