import { invalid } from '../src/model/errors.js';
import { defaultTenant } from '../src/model/names.js';

/** Which network a Docker network stands for, or only its tenant: then Docker makes the network by itself. */
export type Identity = { readonly tenant: string; readonly network: string } | { readonly tenant: string; readonly network?: never };

/**
 * From the options of a Docker network, which `netctl net create` passes to the driver and to the IPAM driver; of a
 * network that a user makes with Docker, the tenant may be among those of the driver.
 * @throws NetctlError `invalid` for options that mean nothing here: a tenant that is misspelt must not be tenant default.
 */
export function identityOf(options: Readonly<Record<string, unknown>>): Identity {
  // Compose files and Docker itself pass options of other drivers; those have a domain before them.
  const unknown = Object.keys(options).find((name) => name !== 'tenant' && name !== 'network' && !name.includes('.'));
  if (unknown !== undefined) throw invalid(`netctl does not know the network option "${unknown}": a network may have the option "tenant", as in "-o tenant=blue"`);
  const [tenant, network] = [textOf(options, 'tenant'), textOf(options, 'network')];
  if (network !== undefined && tenant === undefined) throw invalid(`the network option "network=${network}" is netctl's own: leave it out, or say the tenant, too`);
  return { tenant: tenant ?? defaultTenant, ...(network !== undefined && { network }) };
}

function textOf(options: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = options[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(`the network option "${name}" is not a text`);
  return value;
}
