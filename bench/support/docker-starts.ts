import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { monotonic } from './clock.js';

type Teardown = (work: () => Promise<unknown>) => void;

/** Hears from Docker when containers start, as any client of its socket does. */
export class DockerStarts {
  private last = 0;
  private readonly waiting = new Set<(heard: number) => void>();

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

  /** When one was heard of, the last one if it was since then, or else the next; in milliseconds of the monotonic clock. */
  since(moment: number): Promise<number> {
    if (this.last >= moment) return Promise.resolve(this.last);
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  private heard(when: number): void {
    this.last = when;
    for (const resolve of this.waiting) resolve(when);
    this.waiting.clear();
  }
}
