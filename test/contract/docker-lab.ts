import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const labName = `contract-docker-${process.pid}`;

/** A lab host with a dockerd and without netctld: the test itself is Docker's plugin there. */
export class DockerHost {
  private constructor(private readonly inside: ChildProcess) {}

  /** Makes the host; it goes when the test ends. */
  static async up(t: { teardown(fn: () => Promise<unknown>): unknown }): Promise<DockerHost> {
    t.teardown(() => lab('down'));
    await lab('up', '--without', 'netctld');
    // The lab's exec becomes the command itself, so that this process stands in the host's namespaces.
    const inside = spawn(labPath(), ['exec', 'h1', '--', 'sh', '-c', 'echo inside; exec sleep infinity'], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(async () => inside.kill());
    await new Promise((resolve) => inside.stdout?.once('data', resolve));
    return new DockerHost(inside);
  }

  /** A path of the host's, as this process can open it. */
  path(path: string): string {
    return `/proc/${this.inside.pid}/root${path}`;
  }

  /** Runs a command in the host; its output. Rejects with its error output. */
  async run(...command: string[]): Promise<string> {
    return lab('exec', 'h1', '--', ...command);
  }

  docker(...args: string[]): Promise<string> {
    return this.run('docker', ...args);
  }

  daemon(verb: 'stop' | 'start' | 'kill' | 'pause' | 'continue'): Promise<string> {
    return lab(verb, 'h1', 'dockerd');
  }
}

const environment = { ...process.env, LAB_NAME: labName };

async function lab(...args: string[]): Promise<string> {
  return (await execa(labPath(), args, { env: environment, stdin: 'ignore', timeout: 120_000 })).stdout;
}

/** The build may lie at any depth below the sources. */
function labPath(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'lab', 'lab'))) directory = dirname(directory);
  return join(directory, 'lab', 'lab');
}
