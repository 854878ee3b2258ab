import { usageError } from './failure.js';

/** Where netctld listens. */
export type Target =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'http'; readonly hostname: string; readonly port: number; readonly basePath: string; readonly text: string };

export const defaultSocket = '/run/netctl/netctl.sock';
const httpPort = 80;

/**
 * The flag, then NETCTL_HOST, then Contiv's NETMASTER, then the socket that netctld makes.
 * @throws Failure `usage` if it is neither `unix:///PATH`, nor a path, nor `http://HOST:PORT`.
 */
export function chooseTarget(flag: string | undefined, environment: NodeJS.ProcessEnv): Target {
  if (flag !== undefined) return parseTarget(flag, '--host');
  // Set but empty counts as not set, as it does for DOCKER_HOST.
  for (const name of ['NETCTL_HOST', 'NETMASTER']) {
    const value = environment[name];
    if (value) return parseTarget(value, name);
  }
  return { kind: 'unix', path: defaultSocket };
}

function parseTarget(text: string, from: string): Target {
  const path = text.startsWith('unix://') ? text.slice('unix://'.length) : text;
  if (path.startsWith('/')) return { kind: 'unix', path };
  const url = text.startsWith('http://') ? parseUrl(text) : undefined;
  if (url === undefined) {
    throw usageError(`${from} is "${text}", which is not an address of netctld: write unix:///PATH or http://HOST:PORT`);
  }
  return {
    kind: 'http',
    // WHATWG URLs keep the brackets of an IPv6 address, which sockets do not take.
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? httpPort : Number(url.port),
    basePath: url.pathname.replace(/\/$/, ''),
    text: url.origin + url.pathname.replace(/\/$/, ''),
  };
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

export function describeTarget(target: Target): string {
  return target.kind === 'unix' ? target.path : target.text;
}
