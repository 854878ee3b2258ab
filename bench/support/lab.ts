import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectRoot, Space } from './space.js';

const lab = join(projectRoot(), 'lab', 'lab');

/** Docker hosts, with netctld as the lab runs it. Several share an etcd. */
export class Lab {
  private readonly name: string;

  /** @param purpose tells labs apart that are there at once. */
  constructor(
    private readonly hosts: number,
    purpose = '',
  ) {
    this.name = `bench${process.pid}${purpose}`;
  }

  async up(): Promise<void> {
    await this.lab('up', '--hosts', String(this.hosts), ...(this.hosts > 1 ? ['--store', 'etcd'] : []));
  }

  async down(): Promise<void> {
    await this.lab('down');
  }

  /** Runs a command in a host; what it prints. @throws Error with what it said, unless it succeeds. */
  exec(host: number, ...command: string[]): Promise<string> {
    return this.lab('exec', `h${host}`, '--', ...command);
  }

  /** A container that does nothing; its network namespace. */
  async container(host: number, ...options: string[]): Promise<Space> {
    const id = await this.exec(host, 'docker', 'run', '-d', ...options, 'alpine', 'sleep', 'infinity');
    return new Space(`/proc/${await this.containerPid(host, id)}/ns/net`);
  }

  /** The number of a container's main process. */
  async containerPid(host: number, id: string): Promise<number> {
    return Number(await this.exec(host, 'docker', 'inspect', '-f', '{{.State.Pid}}', id));
  }

  /** Waits until the only service has so many providers, as the first host sees it. */
  async untilServed(providers: number): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!(await this.exec(1, 'netctl', 'service', 'ls', '-j')).includes(`"numProviders": ${providers}`)) {
      if (Date.now() > deadline) throw new Error(`the service does not have ${providers} providers after 30 s`);
    }
  }

  /** A host's own network namespace, and its address at the others. */
  host(number: number): { space: Space; address: string } {
    return { space: this.space(`h${number}`), address: `192.168.50.${number}` };
  }

  /** The process that holds a host's namespaces. */
  pid(name: `h${number}` | 'wire'): number {
    return Number(readFileSync(`/run/netctl-lab/${this.name}/${name}/pid`, 'utf8'));
  }

  /** A host's file system, as it is seen from here. */
  root(name: `h${number}`): string {
    return `/proc/${this.pid(name)}/root`;
  }

  /** Ends a daemon of a host cleanly. */
  async stop(host: number, daemon: 'netctld'): Promise<void> {
    await this.lab('stop', `h${host}`, daemon);
  }

  /** A host's own network namespace; or that of the bridge `br0` which connects them all. */
  space(name: `h${number}` | 'wire'): Space {
    return new Space(`/proc/${this.pid(name)}/ns/net`);
  }

  private async lab(...words: string[]): Promise<string> {
    const { stdout } = await execa(lab, words, { stdin: 'ignore', timeout: 180_000, env: { LAB_NAME: this.name } });
    return stdout;
  }
}
