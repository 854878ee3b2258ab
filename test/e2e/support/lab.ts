import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { runProgram } from '../../../daemon/kernel/program.js';
import { ask } from './unix-http.js';

/** Compiled tests may lie in any directory of the repository. */
function repository(directory = dirname(fileURLToPath(import.meta.url))): string {
  return existsSync(join(directory, 'package.json')) ? directory : repository(dirname(directory));
}

/** The project's directory. */
export const root = repository();
export const lab = join(root, 'lab', 'lab');

/** The daemon as the lab runs it, as a command. */
export const netctld = ['env', `NETCTLD_NODE=${process.execPath}`, join(root, 'bin', 'netctld')] as const;

/** How a command in a lab host ended. Output is without its last newline. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export type Daemon = 'netctld' | 'dockerd' | 'etcd';
export type DaemonVerb = 'start' | 'stop' | 'kill' | 'restart' | 'pause' | 'continue';

/** A host of a lab that this test file made, and removes at its end. */
export class Host {
  constructor(
    readonly labName: string,
    readonly name: string,
  ) {}

  /** Its file system, as it is seen from here; another one after a reboot. */
  get root(): string {
    return `/proc/${readFileSync(`/run/netctl-lab/${this.labName}/${this.name}/pid`, 'utf8').trim()}/root`;
  }

  /** Runs a command in the host, whatever its exit code. */
  async run(command: string, ...args: string[]): Promise<Ended> {
    return execLab(this.labName, ['exec', this.name, '--', command, ...args]);
  }

  /** Runs a command that must succeed; its output. */
  async ok(command: string, ...args: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await this.run(command, ...args);
    if (exitCode !== 0) throw new Error(`${[command, ...args].join(' ')} exited ${exitCode}: ${stderr || stdout}`);
    return stdout;
  }

  docker(...args: string[]): Promise<string> {
    return this.ok('docker', ...args);
  }

  netctl(...args: string[]): Promise<string> {
    return this.ok('netctl', ...args);
  }

  /** A shell command inside a container. */
  async inside(container: string, script: string): Promise<Ended> {
    return this.run('docker', 'exec', container, 'sh', '-c', script);
  }

  async daemon(verb: DaemonVerb, daemon: Daemon, env: Record<string, string> = {}): Promise<void> {
    await must(execLab(this.labName, [verb, this.name, daemon], env), `lab ${verb} ${this.name} ${daemon}`);
  }

  /** As a power cut: all processes and namespaces go at once, the disk stays. Returns when the daemons answer again. */
  async reboot(): Promise<void> {
    await must(execLab(this.labName, ['reboot', this.name]), `lab reboot ${this.name}`);
  }

  /** The first half of a reboot. The host is off until there is one. */
  async crash(): Promise<void> {
    await must(execLab(this.labName, ['crash', this.name]), `lab crash ${this.name}`);
  }

  /** The end of a daemon's log: what helps when a test fails. */
  async log(daemon: Daemon, lines = 40): Promise<string> {
    const { stdout } = await execLab(this.labName, ['logs', this.name, daemon]);
    return stdout.split('\n').slice(-lines).join('\n');
  }

  /** A command inside the network namespace of a tenant's router. */
  async router(tenant: string, command: string, ...args: string[]): Promise<string> {
    return this.ok('ip', 'netns', 'exec', `netctl-${tenant}`, command, ...args);
  }

  /** What netctld answers, which must be status 200: what `netctl` would show, without the start of a process for each look. */
  async rest(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<string> {
    const { status, text } = await ask(`${this.root}/run/netctl/netctl.sock`, method, path, body);
    if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text}`);
    return text;
  }

  /** What an object inspects as. @param path its kind and key in the REST interface, for instance `networks/default:blue` */
  async inspect<T>(path: string): Promise<T> {
    return JSON.parse(await this.rest('GET', `/api/v1/inspect/${path}/`)) as T;
  }

  /** What a service inspects as. */
  service(name: string, tenant = 'default'): Promise<ServiceState> {
    return this.inspect(`serviceLBs/${tenant}:${name}`);
  }
}

export interface ServiceState {
  readonly Config: { readonly selectors: string[]; readonly ports: string[] };
  readonly Oper: { readonly serviceVip: string; readonly numProviders: number; readonly providers: { readonly containerName: string; readonly ipAddress: string[] }[] };
}

/** For a whole file; only a hang takes so long. */
const fileTimeoutMs = 600_000;

/** A lab of one host for this test file; it goes when the test ends, well or not. */
export async function labHost(t: Test, name: string, env: Record<string, string> = {}): Promise<Host> {
  return new Host(await makeLab(t, name, [], env), 'h1');
}

export interface LabOptions {
  readonly hosts?: number;
  /** How many of the hosts are members of the etcd, h1 first. */
  readonly etcd?: number;
  /** Of the links between hosts, in bytes. */
  readonly mtu?: number;
  readonly env?: Record<string, string>;
}

/** A lab of several hosts that share an etcd. */
export class Lab {
  constructor(
    readonly name: string,
    readonly hosts: readonly Host[],
  ) {}

  /** h1 is the first. */
  host(number: number): Host {
    const host = this.hosts[number - 1];
    if (!host) throw new Error(`the lab has no host h${number}`);
    return host;
  }

  /** Two hosts do not hear each other any more, or one of them none of the others. */
  async partition(host: Host, other?: Host): Promise<void> {
    await must(execLab(this.name, ['partition', host.name, ...(other ? [other.name] : [])]), 'lab partition');
  }

  /** All hear each other again. */
  async heal(): Promise<void> {
    await must(execLab(this.name, ['heal']), 'lab heal');
  }

  /** What helps when a test fails. */
  async logs(): Promise<string> {
    return (await Promise.all(this.hosts.map(async (host) => `${host.name}:\n${await host.log('netctld')}`))).join('\n');
  }
}

/** A lab of several hosts for this test file, by default three with an etcd on the first; it goes as {@link labHost}'s does. */
export async function labHosts(t: Test, name: string, { hosts = 3, etcd = 1, mtu = 1500, env = {} }: LabOptions = {}): Promise<Lab> {
  const labName = await makeLab(t, name, ['--hosts', String(hosts), '--etcd', String(etcd), '--mtu', String(mtu)], env);
  return new Lab(labName, Array.from({ length: hosts }, (_, index) => new Host(labName, `h${index + 1}`)));
}

/** @param name what the file's labs are told apart by; the lab's own name is returned */
async function makeLab(t: Test, name: string, options: readonly string[], env: Record<string, string>): Promise<string> {
  const labName = `t${process.pid}${name}`;
  t.setTimeout(fileTimeoutMs);
  // An error outside of any subtest ends the process without a teardown.
  const atExit = (): void => void spawnSync(lab, ['down'], { env: { ...process.env, LAB_NAME: labName } });
  process.once('exit', atExit);
  t.teardown(async () => {
    await execLab(labName, ['down']);
    process.off('exit', atExit);
  });
  await must(execLab(labName, ['up', ...options], env), 'lab up');
  return labName;
}

/** Between two looks, in milliseconds: who looks all the time takes the processors from what he waits for. */
const restsMs = { first: 10, longest: 100, growth: 1.5 };

/**
 * Waits until the condition answers true; fails with what it last answered otherwise. The deadline is
 * for a machine that is slow, not a part of what is tested.
 */
export async function until(what: string, condition: () => Promise<true | string>, deadlineMs = 20_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  let last: true | string = 'never asked';
  for (let restMs = restsMs.first; performance.now() < end; restMs = Math.min(restMs * restsMs.growth, restsMs.longest)) {
    last = await condition();
    if (last === true) return;
    await pause(restMs);
  }
  throw new Error(`${what}: not within ${deadlineMs} ms; last seen: ${last}`);
}

/** Waits until the service has just these providers, by container name. */
export async function untilProviders(host: Host, service: string, names: readonly string[], tenant = 'default'): Promise<void> {
  const wanted = [...names].sort().join(' ');
  await until(`providers of ${service} are "${wanted}"`, async () => {
    const { Oper } = await host.service(service, tenant);
    const found = Oper.providers.map(({ containerName }) => containerName.replace(/^\//, '')).sort().join(' ');
    return found === wanted || `"${found}"`;
  });
}

/** How often each line occurs. */
export function tally(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of text.split('\n').filter((line) => line !== '')) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}

/** A hang of the lab itself; nothing that it does takes half as long. */
const labTimeLimitMs = 180_000;

async function execLab(labName: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  // A file of tests starts hundreds of programs, as netctld does: see there what execa would take.
  const { stdout, stderr, exitCode, fate } = await runProgram(lab, args, { stdin: undefined, timeLimit: labTimeLimitMs, env: { LAB_NAME: labName, ...env } });
  return exitCode === undefined ? { stdout, stderr: `${fate}: ${stderr}`, exitCode: 255 } : { stdout, stderr, exitCode };
}

async function must(ended: Promise<Ended>, what: string): Promise<void> {
  const { exitCode, stderr, stdout } = await ended;
  if (exitCode !== 0) throw new Error(`${what} exited ${exitCode}: ${stderr || stdout}`);
}
