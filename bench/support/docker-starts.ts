import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { monotonic } from './clock.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Hears from Docker when containers start, as any client of its socket does. */
export class DockerStarts {
  private readonly waiting: ((heard: number) => void)[] = [];

  private constructor() {}

  static async follow(socketPath: string, teardown: Teardown): Promise<DockerStarts> {
    const starts = new DockerStarts();
    const filters = JSON.stringify({ type: ['container'], event: ['start'] });
    await new Promise<void>((resolve, reject) => {
      const asked = request({ socketPath, agent: false, path: `/events?filters=${encodeURIComponent(filters)}` }, (response) => {
        const lines = createInterface(response).on('line', () => starts.heard(monotonic()));
        // It is cut off when it is not needed any more.
        for (const source of [response, lines]) source.on('error', () => undefined);
        resolve();
      });
      asked.on('error', reject);
      asked.end();
      teardown(() => Promise.resolve(asked.destroy()));
    });
    return starts;
  }

  /** When the next one is heard of, in milliseconds of the monotonic clock. */
  next(): Promise<number> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private heard(when: number): void {
    this.waiting.shift()?.(when);
  }
}
