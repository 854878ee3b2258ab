import { NetctlError, unavailable } from '../../src/model/errors.js';
import { runProgram, untranslated } from './program.js';

/** What a program answered. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a program may take, in milliseconds: the largest tables load in a few seconds. One that hangs is ended then, and started again. */
const timeLimit = 15_000;

/** What a shell, and nsenter since util-linux 2.36, answer if there is no such program. */
const noSuchProgram = 127;

/**
 * Runs a program in a router's namespace. Any exit code is an answer.
 * @param namespace the file that holds the namespace.
 * @param stdin a descriptor for its standard input; absent: none.
 * @throws NetctlError `unavailable` if there is no such namespace or program, `internal` if the program was
 *   killed, took too long, or printed too much.
 */
export async function runInRouter(namespace: string, program: string, args: readonly string[], stdin?: number): Promise<CommandResult> {
  const ended = await runProgram('nsenter', [`--net=${namespace}`, program, ...args], { stdin, timeLimit, env: untranslated });
  const { exitCode, stdout, stderr, fate } = ended;
  if (stderr.startsWith('nsenter: cannot open')) throw unavailable(`there is no router at ${namespace}`);
  if (exitCode === noSuchProgram) throw unavailable(`the program ${program} is not installed: install it with your system's package manager`);
  if (exitCode === undefined) throw new NetctlError('internal', `${program} ${fate} in the router at ${namespace}`, { cause: stderr });
  return { exitCode, stdout, stderr };
}
