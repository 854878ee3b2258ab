import type { Certificates } from './certificates.js';
import { usageError } from './failure.js';

/** Where netctld listens. */
export type Target = { readonly kind: 'unix'; readonly path: string } | TcpTarget;

interface TcpTarget {
  readonly kind: 'http' | 'https';
  readonly hostname: string;
  readonly port: number;
  readonly basePath: string;
  readonly text: string;
  /** With https, once they are read. */
  readonly certificates?: Certificates;
}

export const defaultSocket = '/run/netctl/netctl.sock';
const usualPorts = { http: 80, https: 443 };

/**
 * The flag, then NETCTL_HOST, then Contiv's NETMASTER, then the socket that netctld makes.
 * @throws Failure `usage` if it is neither `unix:///PATH`, nor a path, nor `http://HOST:PORT` or `https://HOST:PORT`.
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
  const url = /^https?:\/\//.test(text) ? parseUrl(text) : undefined;
  if (url === undefined) {
    throw usageError(`${from} is "${text}", which is not an address of netctld: write unix:///PATH, http://HOST:PORT or https://HOST:PORT`);
  }
  const kind = url.protocol === 'https:' ? 'https' : 'http';
  return {
    kind,
    // WHATWG URLs keep the brackets of an IPv6 address, which sockets do not take.
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? usualPorts[kind] : Number(url.port),
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
