import { NetctlError, unavailable } from '../../src/model/errors.js';
import { runProgram, untranslated } from './program.js';
import type { CommandResult } from './router-command.js';

/** How long a program may take, in milliseconds: others may hold the lock of iptables meanwhile. */
const timeLimit = 30_000;

/**
 * Runs a program in the host's own namespace. Any exit code is an answer.
 * @param stdin a descriptor for its standard input; absent: none.
 * @throws NetctlError `unavailable` if there is no such program, `internal` if it was killed or took too long.
 */
export async function runOnHost(program: string, args: readonly string[], stdin?: number): Promise<CommandResult> {
  const { exitCode, stdout, stderr, fate, missing } = await runProgram(program, args, { stdin, timeLimit, env: untranslated });
  if (missing) throw unavailable(`the program ${program} is not installed: install it with your system's package manager`);
  if (exitCode === undefined) throw new NetctlError('internal', `${program} ${fate}`, { cause: stderr });
  return { exitCode, stdout, stderr };
}
