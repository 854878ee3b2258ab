import { setTimeout } from 'node:timers/promises';
import type { Logger } from '../control/logger.js';
import type { DockerClient } from './client.js';
import type { ContainerListener, ContainerWatch } from './port.js';
import { type Pace, Session, usualPace } from './session.js';

/** First and longest wait before Docker is tried again, in milliseconds; each failure in a row doubles it. */
const firstWaitMs = 100;
// No longer than a second: after Docker is back nobody shall wait for netctld to notice, and an attempt at a local socket costs nothing.
const longestWaitMs = 1000;

export interface WatchOptions {
  readonly docker: DockerClient;
  readonly listener: ContainerListener;
  readonly logger: Logger;
  /** Milliseconds since the epoch, by the clock that Docker's events have. */
  readonly clock?: () => number;
  readonly pace?: Pace;
}

/** Tells the listener of all containers, from now until it is closed, whenever Docker is there. */
export function watchContainers({ docker, listener, logger, clock = Date.now, pace = usualPace }: WatchOptions): ContainerWatch {
  const watch = new Watch(listener, logger, () => new Session({ docker, listener, logger, now: clock, pace }));
  const ended = watch.run();
  return {
    async close() {
      watch.stop();
      await ended;
    },
  };
}

class Watch {
  private readonly abort = new AbortController();
  private session: Session | undefined;
  private failures = 0;
  private lossTold = false;

  constructor(
    private readonly listener: ContainerListener,
    private readonly log: Logger,
    private readonly newSession: () => Session,
  ) {}

  async run(): Promise<void> {
    while (!this.abort.signal.aborted) {
      this.session = this.newSession();
      const reason = await this.session.run();
      if (this.abort.signal.aborted) return;
      this.lost(this.session, reason);
      const waitMs = Math.min(firstWaitMs * 2 ** this.failures, longestWaitMs);
      this.failures += 1;
      await setTimeout(waitMs, undefined, { signal: this.abort.signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.abort.abort();
    this.session?.end('closed');
  }

  /** A loss is told once, not with each attempt to come back. */
  private lost(session: Session, reason: string): void {
    if (session.connected) {
      this.failures = 0;
      this.lossTold = false;
    }
    if (this.lossTold) return this.log.debug({ event: 'docker-still-lost', reason }, `Docker is still not there: ${reason}`);
    this.lossTold = true;
    this.log.warn({ event: 'docker-lost', reason }, `lost Docker, and keep trying: ${reason}`);
    this.listener.disconnected(reason);
  }
}
