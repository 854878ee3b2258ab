import { join } from 'node:path';
import { execa } from 'execa';
import { root } from './lab.js';

export const machine = join(root, 'lab', 'machine');

/** What `lab/machine` ends with where no packages of Debian can be had. */
const UNAVAILABLE = 75;
/** The exit code of a step that was not taken. */
const NOT_REACHED = -1;

/** How one step ended that a script on the new machine took. */
export interface Step {
  readonly exitCode: number;
  /** stdout and stderr, as a person would see them. */
  readonly text: string;
}

/** What a script did on a new machine. */
export interface Visit {
  /** Why there is no machine, if there is none: no packages of Debian can be had. */
  readonly unavailable: string | undefined;
  readonly step: (name: string) => Step;
}

/**
 * Runs shell lines on a new machine, with the input at their beginning. Each `step NAME COMMAND...` in them is a step of its own, and none ends the script.
 * @param labName a name that no lab has: cgroups are this machine's.
 */
export async function visit(labName: string, lines: string, input?: Buffer): Promise<Visit> {
  const preamble = 'step() { local name=$1; shift; echo "<step $name>"; "$@"; echo "</step $name $?>"; }\n';
  const ended = await execa(machine, ['bash', '-c', preamble + lines], {
    reject: false, all: true, env: { LAB_NAME: labName }, killSignal: 'SIGKILL', ...(input ? { input } : { stdin: 'ignore' }),
  });
  const steps = [...ended.all.matchAll(/^<step (.*)>\n([^]*?)^<\/step \1 (\d+)>$/gm)];
  const byName = new Map(steps.map(([, name, text = '', code]) => [name, { exitCode: Number(code), text }]));
  return {
    unavailable: ended.exitCode === UNAVAILABLE ? ended.all : undefined,
    step: (name) => byName.get(name) ?? { exitCode: NOT_REACHED, text: ended.all },
  };
}

/** The steps on a new machine, which must be there. */
export async function onNewMachine(labName: string, lines: string, input?: Buffer): Promise<Visit['step']> {
  const { unavailable, step } = await visit(labName, lines, input);
  if (unavailable !== undefined) throw new Error(unavailable);
  return step;
}
