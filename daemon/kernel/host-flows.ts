import { networkInterfaces } from 'node:os';
import { NetctlError } from '../../src/model/errors.js';
import type { Flow } from '../../src/nat/input.js';
import { parseFlows, renderRemoval } from './conntrack-text.js';
import { withCommandFile } from './command-file.js';
import type { HostFlows } from './port.js';
import { runInRouter } from './router-command.js';

/** The UDP of the host's own namespace, by the program conntrack. */
export class KernelHostFlows implements HostFlows {
  /** @param namespace the file that holds it; in the end every program is in its own. */
  constructor(private readonly namespace = '/proc/self/ns/net') {}

  async list(): Promise<Flow[]> {
    const own = new Set(Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address)));
    return (await this.#listAll()).filter(({ service }) => own.has(service.address.toString()));
  }

  async remove(flows: readonly Flow[]): Promise<number> {
    if (flows.length === 0) return 0;
    const lines = renderRemoval(flows, await this.#listAll());
    if (lines === '') return 0;
    const deleted = await withCommandFile(lines, (stdin) => this.#conntrack(['--load-file', '-'], stdin));
    return deleted.split('\n').filter((line) => line !== '').length;
  }

  async #listAll(): Promise<Flow[]> {
    // Without a family: those of both.
    return parseFlows(await this.#conntrack(['-L', '-o', 'extended', '-p', 'udp']));
  }

  async #conntrack(args: readonly string[], stdin?: number): Promise<string> {
    const { exitCode, stdout, stderr } = await runInRouter(this.namespace, 'conntrack', args, stdin);
    // That nothing matched is an answer, though conntrack 1.4.7 then exits with 1.
    if (exitCode === 0 || stderr.includes(' 0 flow entries have been')) return stdout;
    throw new NetctlError('internal', `conntrack failed in the host's own namespace: ${stderr.split('\n')[0] || `exit code ${exitCode}`}`, { cause: stderr });
  }
}
