import { hostname } from 'node:os';
import { absolutePath, hostName, loopbackAddress, oneOf, socketPath, wholeSeconds } from './values.js';
import type { Parse, TcpAddress } from './values.js';

/** How netctld is to run. */
export interface Config {
  /** The Unix socket of the REST API. */
  readonly socket: string;
  /** Where the REST API listens on TCP besides; undefined: nowhere. */
  readonly listen: TcpAddress | undefined;
  /** The Unix socket of the Docker plugin. */
  readonly pluginSocket: string;
  /** The directory of the store. */
  readonly state: string;
  readonly dockerSocket: string;
  /** This host's name, as endpoints carry it. */
  readonly hostName: string;
  /** How long a released address rests before it is given out like any other, in seconds. */
  readonly addressRest: number;
  /** How often the kernel is compared with what it should hold, in seconds. */
  readonly verifyInterval: number;
  readonly logLevel: LogLevel;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface Option<T> {
  readonly describe: string;
  readonly fallback: T;
  /** How --help calls the default, where its value does not tell. */
  readonly shown?: string;
  readonly parse: Parse<T>;
}

/** Every option but `--config`. Flags, environment variables and keys of the file are all made of these names. */
export const options: { readonly [K in keyof Config]: Option<Config[K]> } = {
  socket: { describe: 'Unix socket of the REST API', fallback: '/run/netctl/netctl.sock', parse: socketPath },
  listen: { describe: 'loopback host:port of the REST API, besides the socket', fallback: undefined, shown: 'off', parse: loopbackAddress },
  pluginSocket: { describe: 'Unix socket on which Docker finds the plugin', fallback: '/run/docker/plugins/netctl.sock', parse: socketPath },
  state: { describe: 'directory of the embedded store', fallback: '/var/lib/netctl', parse: absolutePath },
  dockerSocket: { describe: 'Unix socket of the Docker engine', fallback: '/var/run/docker.sock', parse: socketPath },
  hostName: { describe: 'name of this host', fallback: hostname(), shown: "the host's own", parse: hostName },
  // As long as neighbours and connections commonly remember an address (base_reachable_time is 30 s).
  addressRest: { describe: 'seconds that a released address rests while others are free', fallback: 60, parse: wholeSeconds(0, 86_400) },
  verifyInterval: { describe: 'seconds between two comparisons with the kernel', fallback: 60, parse: wholeSeconds(1, 86_400) },
  logLevel: {
    describe: 'trace, debug, info, warn, error or fatal',
    fallback: 'info',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
  },
};

export const optionNames = Object.keys(options) as (keyof Config)[];

/** `pluginSocket` -> `plugin-socket`: the flag, and the key of the file. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `plugin-socket` -> `NETCTLD_PLUGIN_SOCKET`. */
export function variableOf(flag: string): string {
  return `NETCTLD_${flag.toUpperCase().replaceAll('-', '_')}`;
}
