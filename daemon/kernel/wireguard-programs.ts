import { NetctlError } from '../../src/model/errors.js';
import { runOnHost } from './host-command.js';
import { runInRouter } from './router-command.js';

/** Speaks with WireGuard devices by the program `wg`, whether the kernel has them or wireguard-go. */
export class Programs {
  /** @param namespace the file of the host's own namespace; absent: the one of this process. */
  constructor(private readonly namespace?: string) {}

  /** @returns what it printed; undefined if there is no such device, or nobody who speaks for it. @throws NetctlError */
  async dump(device: string): Promise<string | undefined> {
    const { exitCode, stdout } = await this.run(['show', device, 'dump']);
    return exitCode === 0 ? stdout : undefined;
  }

  /** @throws NetctlError `internal` if it refuses. */
  async wg(...args: string[]): Promise<void> {
    const { exitCode, stderr } = await this.run(args);
    if (exitCode !== 0) throw new NetctlError('internal', `wg ${args.slice(0, 2).join(' ')} failed: ${stderr.split('\n')[0] || `exit code ${exitCode}`}`);
  }

  private run(args: readonly string[]): ReturnType<typeof runOnHost> {
    return this.namespace === undefined ? runOnHost('wg', args) : runInRouter(this.namespace, 'wg', args);
  }
}
