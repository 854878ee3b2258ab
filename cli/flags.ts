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
    describe: 'Where netctld listens: unix:///PATH, http://HOST:PORT or https://HOST:PORT [default: $NETCTL_HOST, or its Unix socket]',
  },
  // The aliases are what Docker's client calls its own.
  'tls-ca': { kind: 'text', aliases: ['tlscacert'], describe: "With https: authorities of netctld's certificate [default: ca.pem in $NETCTL_CERT_PATH]" },
  'tls-cert': { kind: 'text', aliases: ['tlscert'], describe: 'With https: your certificate [default: cert.pem there]' },
  'tls-key': { kind: 'text', aliases: ['tlskey'], describe: 'With https: its private key [default: key.pem there]' },
  help: { kind: 'switch', aliases: ['h'], describe: 'Show help' },
} as const satisfies Flags;
