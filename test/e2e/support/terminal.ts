import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import type { Test } from 'tap';
import { lab, until, type Host } from './lab.js';

/** A shell in a container as a person has it: `docker exec -it` on a terminal, commands typed one by one. */
export class Terminal {
  private shown = '';

  private constructor(private readonly write: (text: string) => void) {}

  static open(t: Test, host: Host, container: string): Terminal {
    // `script` gives docker the terminal without which it refuses -t.
    const command = ['exec', host.name, '--', 'script', '-qfec', `docker exec -it ${container} sh`, '/dev/null'];
    const child = execa(lab, command, { env: { LAB_NAME: host.labName }, reject: false, buffer: false, stderr: 'inherit' });
    const terminal = new Terminal((text) => child.stdin.write(text));
    child.stdout.on('data', (data: Buffer) => (terminal.shown += data.toString()));
    t.teardown(async () => {
      child.stdin.end('exit\n');
      await child;
    });
    return terminal;
  }

  type(line: string): void {
    this.write(`${line}\n`);
  }

  /** Types the line and returns the first thing that it shows and that matches. */
  async answer(line: string, pattern: RegExp): Promise<string> {
    this.shown = '';
    this.type(line);
    await until(`"${line}" answers ${String(pattern)}`, async () => {
      await setTimeout(5);
      return pattern.test(this.shown) || this.shown;
    });
    return pattern.exec(this.shown)?.[0] ?? '';
  }
}
