import { spawn, type ChildProcess } from 'node:child_process';

export interface Run {
  readonly command: readonly [string, ...string[]];
  readonly directory: string;
  readonly limitSeconds: number;
  readonly onOutput: (chunk: string) => void;
  readonly onError: (chunk: string) => void;
}

export interface Ended {
  /** Why the process counts as failed, or undefined. */
  readonly reason: string | undefined;
  readonly milliseconds: number;
}

/** Time between SIGTERM, on which a test may clean up, and SIGKILL. */
const GRACE_SECONDS = 20;
/** How long a pipe may stay open after the process: something that it left behind holds the other end. */
const PIPE_MILLISECONDS = 5_000;
/** What `timeout` ends with when the limit was reached, and when SIGKILL was needed. */
const TIMED_OUT = [124, 137];

const running = new Set<ChildProcess>();
let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of running) child.kill('SIGTERM');
  });
}

/** Whether this run was told to end: then nothing more is started. */
export const wasInterrupted = (): boolean => interrupted;

/** Runs a command under `timeout`, which ends it and what it started also where they run as another user. */
export function run({ command, directory, limitSeconds, onOutput, onError }: Run): Promise<Ended> {
  const [program, ...args] = withLimit(command, limitSeconds);
  const began = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (reason: string | undefined): void => {
      running.delete(child);
      resolve({ reason, milliseconds: performance.now() - began });
    };
    running.add(child);
    child.stdout.setEncoding('utf8').on('data', onOutput);
    child.stderr.setEncoding('utf8').on('data', onError);
    child.on('error', (error) => end(`could not be started: ${error.message}`));
    child.on('exit', () => setTimeout(() => [child.stdout, child.stderr].forEach((pipe) => pipe.destroy()), PIPE_MILLISECONDS).unref());
    child.on('close', (code, signal) => end(reasonOf(code, signal, limitSeconds)));
  });
}

function withLimit(command: Run['command'], limitSeconds: number): Run['command'] {
  const limit = ['timeout', `--kill-after=${GRACE_SECONDS}`, String(limitSeconds)] as const;
  // sudo comes first: a process of root can only be ended by one.
  return command[0] === 'sudo' ? ['sudo', ...limit, ...command.slice(1)] : [...limit, ...command];
}

function reasonOf(code: number | null, signal: string | null, limitSeconds: number): string | undefined {
  if (interrupted) return 'was interrupted';
  if (signal !== null) return `was ended by ${signal}`;
  if (code !== null && TIMED_OUT.includes(code)) return `did not end within ${limitSeconds} s`;
  return code === 0 ? undefined : `ended with exit code ${code}`;
}
