import { execa } from 'execa';
import { NetctlError, unavailable } from '../../src/model/errors.js';
import type { CommandResult } from './router-command.js';

/** How long a program may take, in milliseconds: others may hold the lock of iptables meanwhile. */
const timeLimit = 30_000;

/**
 * Runs a program in the host's own namespace. Any exit code is an answer.
 * @param stdin a descriptor for its standard input; absent: none.
 * @throws NetctlError `unavailable` if there is no such program, `internal` if it was killed or took too long.
 */
export async function runOnHost(program: string, args: readonly string[], stdin?: number): Promise<CommandResult> {
  const result = await execa(program, args, {
    // Any descriptor is passed on, but execa's types know those up to 9 only.
    stdin: stdin === undefined ? 'ignore' : (stdin as 3),
    reject: false,
    timeout: timeLimit,
    // Messages are matched, so they must not be translated.
    env: { LC_ALL: 'C' },
  });
  const { exitCode, stdout, stderr } = result;
  if (result.code === 'ENOENT') throw unavailable(`the program ${program} is not installed: install it with your system's package manager`);
  if (exitCode === undefined) throw new NetctlError('internal', `${program} failed: ${result.shortMessage ?? 'no exit code'}`, { cause: result });
  return { exitCode, stdout, stderr };
}
