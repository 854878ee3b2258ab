import { NetctlError } from '../../src/model/errors.js';
import type { Flow } from '../../src/nat/input.js';
import { parseFlows, renderRemoval } from './conntrack-text.js';
import { withCommandFile } from './command-file.js';
import { routerPath } from './netns.js';
import type { Conntrack } from './port.js';
import { runInRouter } from './router-command.js';

/** For each list, what is in it. Without a family it has those of both. */
const wanted = [['-p', 'tcp', '--dst-nat'], ['-p', 'udp']] as const;

/** A router's connections, by the program conntrack. */
export class KernelConntrack implements Conntrack {
  /** @param namespaceOf the file that holds a tenant's router. */
  constructor(private readonly namespaceOf: (tenant: string) => string = routerPath) {}

  async list(tenant: string): Promise<Flow[]> {
    const texts = await Promise.all(wanted.map((words) => this.#conntrack(tenant, ['-L', '-o', 'extended', ...words])));
    return texts.flatMap(parseFlows);
  }

  async remove(tenant: string, flows: readonly Flow[]): Promise<number> {
    if (flows.length === 0) return 0;
    const lines = renderRemoval(flows, await this.list(tenant));
    if (lines === '') return 0;
    return countLines(await withCommandFile(lines, (stdin) => this.#conntrack(tenant, ['--load-file', '-'], stdin)));
  }

  /** What the program printed: one line for each flow that was listed or deleted. */
  async #conntrack(tenant: string, args: readonly string[], stdin?: number): Promise<string> {
    const { exitCode, stdout, stderr } = await runInRouter(this.namespaceOf(tenant), 'conntrack', args, stdin);
    // That nothing matched is an answer, though conntrack 1.4.7 then exits with 1.
    if (exitCode === 0 || stderr.includes(' 0 flow entries have been')) return stdout;
    const reason = stderr.split('\n')[0] || `exit code ${exitCode}`;
    throw new NetctlError('internal', `conntrack failed in the router of tenant ${tenant}: ${reason}`, { cause: stderr });
  }
}

function countLines(text: string): number {
  return text.split('\n').filter((line) => line !== '').length;
}
