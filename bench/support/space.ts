import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { runningProcesses } from './processor-time.js';

/**
 * Which processor a program runs on, before all others that would: the two ends of a connection have one each, so that they are never moved into each
 * other's way. What is between them may use any.
 */
export type End = 'client' | 'server' | 'between';

const build = join(import.meta.dirname, '..');

/** The build may lie at any depth below the sources. */
export function projectRoot(directory = import.meta.dirname): string {
  return existsSync(join(directory, 'package.json')) ? directory : projectRoot(dirname(directory));
}

/** A program of bench/tools in TypeScript, as a command. */
export function tool(name: string): [string, ...string[]] {
  return [process.execPath, join(build, 'tools', `${name}.js`)];
}

/** Where the programs of bench/tools are that are in C; they need no library. */
export const nativeTools = join(projectRoot(), '.build', 'bench');

/** Undefined of a process that has ended meanwhile, or is not to be looked at even by root. */
function namespaceOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

/** One that was started: each of the commands before it becomes the next. */
export interface Program {
  readonly pid: number;
  /** Ends it, and waits until it has. */
  end(this: void): Promise<void>;
}

/** A network namespace, and what runs in it. */
export class Space {
  /** @param path the file that holds it. */
  constructor(private readonly path: string) {}

  /** The processes that are in it now. */
  processes(): number[] {
    const own = namespaceOf(this.path);
    return runningProcesses().filter((process) => namespaceOf(`/proc/${process}/ns/net`) === own);
  }

  /** Runs a command that must succeed; what it prints. @throws Error with what it said. */
  async run(command: readonly string[], end?: End): Promise<string> {
    const { stdout } = await execa('nsenter', this.words(command, end), { stdin: 'ignore', timeout: 60_000 });
    return stdout;
  }

  /** Commands of `ip`, one a line. */
  async ip(lines: string): Promise<void> {
    await execa('nsenter', this.words(['ip', '-batch', '-'], undefined), { input: lines });
  }

  /**
   * Starts a program that goes on until it is ended.
   * @param ready what it prints when it is.
   * @returns what ends it, and waits until it has.
   */
  async start(command: readonly string[], ready: RegExp, end?: End): Promise<() => Promise<void>> {
    return (await this.launch(command, ready, end)).end;
  }

  /** The same; answers also which process it is. */
  async launch(command: readonly string[], ready: RegExp, end?: End): Promise<Program> {
    const process = execa('nsenter', this.words(command, end), { stdin: 'ignore', all: true, buffer: false, reject: false });
    await new Promise<void>((resolve, reject) => {
      let text = '';
      process.all.on('data', (part) => {
        text += String(part);
        if (ready.test(text)) resolve();
      });
      void process.then(() => reject(new Error(`${command.join(' ')} ended: ${text}`)));
    });
    return {
      pid: process.pid ?? NaN,
      end: async () => {
        process.kill();
        await process;
      },
    };
  }

  /** Starts a program that is told what to do as it goes on. */
  open(command: readonly string[], end?: End): ChildProcessByStdio<Writable, Readable, null> {
    return spawn('nsenter', this.words(command, end), { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  private words(command: readonly string[], end: End | undefined): string[] {
    const pinned = availableParallelism() < 2 || end === 'between' ? [] : ['taskset', '--cpu-list', end === 'client' ? '0' : '1'];
    return [`--net=${this.path}`, '--', ...(end ? ['nice', '-n', '-20', ...pinned] : []), ...command];
  }
}
