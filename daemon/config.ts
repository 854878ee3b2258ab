import { readFileSync } from 'node:fs';
import { invalid, messageOf } from '../src/model/errors.js';
import { defaultFile, parseCommandLine } from './config/command-line.js';
import { flagOf, optionNames, options, variableOf } from './config/options.js';
import type { Config, Option } from './config/options.js';
import type { Task } from './config/tasks.js';
import { isLoopback } from './config/values.js';

export type { Config } from './config/options.js';
export type { Task } from './config/tasks.js';

/** A layer of settings: what it gives for a flag's name, and how its place is called in an error. */
interface Layer {
  value(flag: string): unknown;
  place(flag: string): string;
}

/** How netctld is to run, or what it is to do instead; or what `--help` or `--version` asks it to print. */
export type Loaded = { readonly config: Config; readonly task: Task | undefined } | { readonly print: string };

/**
 * Reads the configuration: a flag goes before the environment, that before the file, that before the default.
 *
 * @param argv the arguments after the program's name.
 * @param env the environment; an empty variable counts as not set.
 * @param version what `--version` prints.
 * @throws NetctlError `invalid`, naming the place and what it must hold.
 */
export function loadConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>, version: string): Loaded {
  const commandLine = parseCommandLine(argv, version);
  if ('print' in commandLine) return commandLine;
  const flags: Layer = { value: (flag) => commandLine.flags.get(flag), place: (flag) => `--${flag}` };
  const environment: Layer = { value: (flag) => env[variableOf(flag)] || undefined, place: variableOf };
  const file = (flags.value('config') ?? environment.value('config')) as string | undefined;
  const layers = [flags, environment, file === undefined ? readFile(defaultFile, true) : readFile(file, false)];
  const settings = optionNames.map((name) => [name, pick<unknown>(flagOf(name), options[name], layers)] as const);
  const config = Object.fromEntries(settings) as unknown as Config;
  checkTls(config);
  checkEtcd(config, commandLine.task);
  checkPorts(config);
  return { config, task: commandLine.task };
}

/**
 * The API does not ask who calls: whoever reaches it may program the host's network. On the Unix socket its mode decides who does,
 * on loopback only this host's own users do, and elsewhere a certificate must.
 */
function checkTls({ listen, tlsCert, tlsKey, tlsCa }: Config): void {
  const given = [tlsCert, tlsKey, tlsCa].filter((file) => file !== undefined).length;
  if (given !== 0 && given !== 3) throw invalid('tls-cert, tls-key and tls-ca belong together, and not all of them are given: give all three, or none');
  if (given === 3 && !listen) throw invalid('tls-cert, tls-key and tls-ca are given, but nothing listens on TCP: give listen, too, for example 0.0.0.0:9999');
  if (given === 0 && listen && !isLoopback(listen)) {
    throw invalid(`the API cannot be offered on ${listen.host} without TLS, as it does not ask who calls: give tls-cert, tls-key and tls-ca, or listen on a loopback address`);
  }
}

/** VXLAN and WireGuard have two UDP ports each: of clear and of encrypted networks, of one key and of the next. */
function checkPorts({ vxlanPort, wireguardPort }: Config): void {
  if (vxlanPort >= 65_535) throw invalid(`vxlan-port is ${vxlanPort}, and the port after it is needed for encrypted networks: give a lower one`);
  if (wireguardPort >= 65_535) throw invalid(`wireguard-port is ${wireguardPort}, and the port after it is needed for a host's next key: give a lower one`);
  if (Math.abs(vxlanPort - wireguardPort) < 2) throw invalid(`vxlan-port is ${vxlanPort} and wireguard-port is ${wireguardPort}: each needs the port after it as well, so give two that are further apart`);
}

/** A migration may concern an etcd that is not the store yet, or no more. */
function checkEtcd({ store, etcdCa, etcdCert, etcdKey, etcdUser, etcdPasswordFile }: Config, task: Task | undefined): void {
  const usesEtcd = store.kind === 'etcd' || (task?.do === 'migrate-state' && task.to.kind === 'etcd');
  const given = Object.entries({ etcdCa, etcdCert, etcdKey, etcdUser, etcdPasswordFile }).find(([, value]) => value !== undefined);
  if (given && !usesEtcd) throw invalid(`${flagOf(given[0])} is given, but the state is not in etcd: give store, too, for example etcd://10.0.0.1:2379`);
  if ((etcdCert === undefined) !== (etcdKey === undefined)) throw invalid('etcd-cert and etcd-key belong together, and one of them is given: give both, or none');
  if (etcdCert !== undefined && etcdCa === undefined) throw invalid('etcd-cert is given without etcd-ca: give the authorities of the certificate of etcd, too');
  if ((etcdUser === undefined) !== (etcdPasswordFile === undefined)) throw invalid('etcd-user and etcd-password-file belong together, and one of them is given: give both, or none');
}

function pick<T>(flag: string, { parse, fallback }: Option<T>, layers: readonly Layer[]): T {
  for (const layer of layers) {
    const value = layer.value(flag);
    if (value === undefined) continue;
    try {
      return parse(value);
    } catch (error) {
      throw invalid(`${layer.place(flag)} is ${JSON.stringify(value)}: it ${messageOf(error)}`);
    }
  }
  return fallback;
}

/** The settings of a file; of an optional one that is not there, none. */
function readFile(path: string, optional: boolean): Layer {
  const settings = parseFile(path, readText(path, optional));
  const known = optionNames.map(flagOf);
  const unknown = Object.keys(settings).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(`the configuration file ${path} has the unknown key "${unknown}": known are ${known.join(', ')}`);
  return { value: (flag) => settings[flag], place: (flag) => `"${flag}" in ${path}` };
}

function readText(path: string, optional: boolean): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (optional && error instanceof Error && 'code' in error && error.code === 'ENOENT') return '{}';
    throw invalid(`the configuration file ${path} cannot be read: ${messageOf(error)}`);
  }
}

function parseFile(path: string, text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalid(`the configuration file ${path} is not JSON: ${messageOf(error)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid(`the configuration file ${path} must hold a JSON object, for example {"log-level": "debug"}`);
  }
  return parsed as Record<string, unknown>;
}
