import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { nativeTools, type Space } from './space.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Sees from a client when servers can first be reached: see bench/tools/reach.c. */
export class Reach {
  private asked = 0;
  private readonly waiting = new Map<number, { resolve(this: void, reached: number): void; reject(this: void, error: Error): void }>();
  private failed: Error | undefined;

  private constructor(private readonly write: (line: string) => void) {}

  /** @param everyMs how often a connection is begun, in milliseconds: what is found is known to that. */
  static async start(client: Space, everyMs: number, teardown: Teardown): Promise<Reach> {
    const program = client.open([join(nativeTools, 'reach'), String(Math.round(everyMs * 1000))], 'between');
    const ended = new Promise<void>((resolve) => program.once('close', () => resolve()));
    teardown(() => {
      program.stdin.end();
      return ended;
    });
    const reach = new Reach((line) => program.stdin.write(line));
    await new Promise<void>((resolve, reject) => {
      createInterface(program.stdout).on('line', (line) => (line === 'ready' ? resolve() : reach.hear(line)));
      void ended.then(() => {
        const error = new Error('reach ended before it was told to');
        reach.fail(error);
        reject(error);
      });
    });
    return reach;
  }

  /**
   * When the first connection was answered that was begun from now on, in milliseconds of the monotonic clock.
   * @param target `address:port`
   * @param octet what the server says that is meant.
   */
  first(target: string, octet = '?', patienceMs = 120_000): Promise<number> {
    if (this.failed) return Promise.reject(this.failed);
    const number = this.asked;
    this.asked += 1;
    this.write(`${target} ${octet}\n`);
    const found = new Promise<number>((resolve, reject) => {
      const patience = setTimeout(() => this.waiting.get(number)?.reject(new Error(`${target}: not reached within ${patienceMs / 1000} s`)), patienceMs);
      const ended = (): void => {
        clearTimeout(patience);
        this.waiting.delete(number);
      };
      this.waiting.set(number, { resolve: (reached) => (ended(), resolve(reached)), reject: (error) => (ended(), reject(error)) });
    });
    // Who asked may have failed meanwhile, and wait for it no more.
    found.catch(() => undefined);
    return found;
  }

  private hear(line: string): void {
    const [number, nanoseconds] = line.split(' ').map(Number);
    this.waiting.get(number ?? NaN)?.resolve((nanoseconds ?? NaN) / 1e6);
  }

  private fail(error: Error): void {
    this.failed = error;
    for (const { reject } of [...this.waiting.values()]) reject(error);
  }
}
