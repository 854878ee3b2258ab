import { invalid } from './errors.js';

/**
 * Contiv's rule for names: labels of letters, digits and inner dashes, joined by dots. Networks may have inner underscores
 * besides: Docker's compose names them PROJECT_NETWORK.
 */
const patternWith = (inner: string): RegExp => {
  const label = `[A-Za-z0-9](?:[A-Za-z0-9${inner}-]*[A-Za-z0-9])?`;
  return new RegExp(`^(?:${label}\\.)*${label}$`);
};
const patterns: Record<NamedKind, RegExp> = { tenant: patternWith(''), network: patternWith('_'), service: patternWith('') };

export type NamedKind = 'tenant' | 'network' | 'service';
const longest: Record<NamedKind, number> = { tenant: 64, network: 64, service: 256 };

export const defaultTenant = 'default';

/**
 * The name, if it is one.
 * @throws NetctlError `invalid` with what is wrong with it.
 */
export function checkName(kind: NamedKind, name: string): string {
  if (name === '') throw invalid(`the ${kind} has no name`);
  if (name.length > longest[kind]) {
    throw invalid(`the ${kind} name is ${name.length} characters long: at most ${longest[kind]} are allowed`);
  }
  if (!patterns[kind].test(name)) {
    const between = kind === 'network' ? 'dashes, underscores or dots' : 'dashes or dots';
    throw invalid(`"${name}" is not a valid ${kind} name: use letters, digits, and ${between} between them`);
  }
  return name;
}

/** The name under which Docker knows a network: Contiv's `NAME`, or `NAME/TENANT` outside tenant default. */
export function dockerNetworkName(tenant: string, network: string): string {
  return tenant === defaultTenant ? network : `${network}/${tenant}`;
}

/** `tenant:name`, as Contiv's REST keys have it; neither part can hold a colon. */
export function objectKey(tenant: string, name: string): string {
  return `${tenant}:${name}`;
}

/** @throws NetctlError `invalid`. */
export function parseObjectKey(key: string): { tenant: string; name: string } {
  const parts = key.split(':');
  const [tenant, name] = parts;
  if (parts.length !== 2 || !tenant || !name) throw invalid(`"${key}" is not a key: write it as tenant:name`);
  return { tenant, name };
}
