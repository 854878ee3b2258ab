import { spawn } from 'node:child_process';

/** How a program ended. Output is without its last newline. */
export interface Ended {
  /** Absent: it did not exit by itself, or was not even started. */
  readonly exitCode?: number;
  /** Why there is no exit code, as the end of a sentence about the program: "was ended by SIGSEGV". */
  readonly fate: string;
  /** There is no such program. */
  readonly missing: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  /** A descriptor for its standard input; absent: none. */
  readonly stdin: number | undefined;
  /** In milliseconds; then it is killed. */
  readonly timeLimit: number;
  /** Variables besides those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/** For a program whose messages are matched: they must not be translated. */
export const untranslated = { LC_ALL: 'C' };

/** A program's output that is longer is not read, in octets: the largest tables are a few tens of millions. */
const mostOutput = 100_000_000;

/**
 * Runs a program and waits until it has ended. Never rejects.
 *
 * By Node's own means: netctld starts a few programs for every change, and execa takes 4.4 ms of a processor for each start of one where this
 * takes 0.9.
 */
export function runProgram(program: string, args: readonly string[], { stdin, timeLimit, env }: Options): Promise<Ended> {
  return new Promise((resolve) => {
    let failure: string | undefined;
    let missing = false;
    const child = spawn(program, args, { stdio: [stdin ?? 'ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    const kill = (why: string): void => {
      failure ??= why;
      child.kill('SIGKILL');
      // What it has started itself may hold these open for as long as it likes.
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const timer = setTimeout(() => kill(`did not end within ${timeLimit / 1000} s and was killed`), timeLimit);
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
      const chunks: Buffer[] = [];
      let length = 0;
      stream?.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > mostOutput) kill('printed more than can be read');
      });
      return chunks;
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= `failed (${error.message})`;
      missing = error.code === 'ENOENT';
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const exitCode = failure === undefined && code !== null ? { exitCode: code } : {};
      resolve({ ...exitCode, fate: failure ?? `was ended by ${signal}`, missing, stdout: textOf(stdout ?? []), stderr: textOf(stderr ?? []) });
    });
  });
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString().replace(/\r?\n$/, '');
}
