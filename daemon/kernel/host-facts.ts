import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';
import { request } from 'node:http';
import { release } from 'node:os';
import { execa } from 'execa';
import { programs, type ConnectionTable, type HostFacts, type Program } from '../../src/checkup/host.js';
import { inNamespace, routerPath } from './netns.js';
import type { Checkup } from './port.js';
import { hasBridgeNetfilter } from './router-sysctls.js';

export interface CheckupOptions {
  /** The directory of the state. */
  readonly state: string;
  readonly pluginSocket: string;
  readonly dockerSocket: string;
}

/** Nothing that is asked here takes long when it is well; in milliseconds. */
const patience = 5000;

/** Where each program tells its version. */
const versionOf: Readonly<Record<Program, readonly string[]>> = { nft: ['--version'], conntrack: ['--version'], ip: ['-V'], iptables: ['--version'] };

/** Looks at the host that this process is on. */
export class HostCheckup implements Checkup {
  constructor(private readonly options: CheckupOptions) {}

  async read(tenants: readonly string[]): Promise<HostFacts> {
    const { state, pluginSocket, dockerSocket } = this.options;
    const versions = await Promise.all(programs.map(async (program) => [program, await programVersion(program)] as const));
    const [plugin, docker] = await Promise.all([ask(pluginSocket, 'POST', '/Plugin.Activate'), ask(dockerSocket, 'GET', '/version')]);
    const { bavail, bsize } = statfsSync(state);
    return {
      kernel: release(),
      programs: Object.fromEntries(versions) as HostFacts['programs'],
      bridgeNetfilter: hasBridgeNetfilter(),
      forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '1',
      freeBytes: bavail * bsize,
      stateWritable: isWritable(state),
      pluginAnswers: plugin !== undefined,
      dockerVersion: (docker as { Version?: string } | undefined)?.Version,
      connections: tenants.flatMap(connectionsOf),
    };
  }
}

async function programVersion(program: Program): Promise<string | undefined> {
  const { stdout, stderr, exitCode } = await execa(program, versionOf[program], { reject: false, timeout: patience });
  return exitCode === 0 ? (/v?(\d+(?:\.\d+)+)/.exec(`${stdout} ${stderr}`)?.[1] ?? 'of unknown version') : undefined;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A router that is not there has no connections; that it is missing is found elsewhere. */
function connectionsOf(tenant: string): ConnectionTable[] {
  const read = (name: string): number => Number(readFileSync(`/proc/sys/net/netfilter/${name}`, 'utf8'));
  try {
    return [inNamespace(routerPath(tenant), () => ({ tenant, count: read('nf_conntrack_count'), most: read('nf_conntrack_max') }))];
  } catch {
    return [];
  }
}

/** What is answered as JSON with status 200; undefined if it is not. */
function ask(socketPath: string, method: string, path: string): Promise<unknown> {
  return new Promise((resolve) => {
    const call = request({ socketPath, method, path, agent: false, signal: AbortSignal.timeout(patience) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve(response.statusCode === 200 ? parsed(text) : undefined));
    });
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
