import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../../src/model/errors.js';
import type { Logger } from './logger.js';
import type { PassRate } from './pass-rate.js';

/**
 * First and longest wait after a failure, in milliseconds; each further failure in a row doubles it. The
 * longest is how much later than its cause a failure may end; a pass every few seconds is no load.
 */
const firstRetry = 100;
const longestRetry = 5_000;
/** How many keys have a pass at the same time: at start and at each verification all of them want one. */
const mostPasses = 4;
/** A pass that takes longer, in milliseconds, waits for something and not for the processor: another one may begin beside it. */
const longPass = 2_000;

interface Work {
  /** Whether something happened since the running or the last pass began. */
  dirty: boolean;
  running: Promise<void> | undefined;
  failures: number;
  retry: NodeJS.Timeout | undefined;
  /** Ends the wait of a pass for its turn. */
  begin: (() => void) | undefined;
  /** Told when a pass that began after they asked has ended. */
  waiting: (() => void)[];
}

/**
 * Runs `reconcile(key)` whenever something happened to the key: one pass at a time per key, events
 * during a pass or a wait become one further pass, and a pass that failed is tried again with
 * back-off. Events carry nothing: a pass looks at the whole state of its key. With a rate, those that follow each
 * other fast for long wait for their turn.
 */
export class Reconciler {
  private readonly works = new Map<string, Work>();
  private readonly places = new Places(mostPasses);
  private stopped = false;

  constructor(
    private readonly name: string,
    private readonly reconcile: (key: string) => Promise<void>,
    private readonly log: Logger,
    private readonly rate?: Pick<PassRate, 'take'>,
  ) {}

  /** Something happened. A waiting retry is not brought forward: what failed is not helped by a busy loop. */
  enqueue(key: string): void {
    if (this.stopped) return;
    const work = this.work(key);
    work.dirty = true;
    if (work.retry === undefined) this.run(key, work);
  }

  /** Resolves when a pass that began after this call has ended, well or not; back-off is not waited for. */
  sync(key: string): Promise<void> {
    if (this.stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const work = this.work(key);
      work.waiting.push(resolve);
      work.dirty = true;
      this.run(key, work);
    });
  }

  /** Ends all retries and resolves when no pass runs any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const work of this.works.values()) {
      clearTimeout(work.retry);
      work.begin?.();
    }
    await Promise.all([...this.works.values()].flatMap((work) => work.running ?? []));
    for (const work of this.works.values()) for (const resolve of work.waiting.splice(0)) resolve();
  }

  private work(key: string): Work {
    const known = this.works.get(key);
    if (known) return known;
    const work: Work = { dirty: false, running: undefined, failures: 0, retry: undefined, begin: undefined, waiting: [] };
    this.works.set(key, work);
    return work;
  }

  private run(key: string, work: Work): void {
    if (work.running || this.stopped) return;
    clearTimeout(work.retry);
    work.retry = undefined;
    work.running = this.pass(key, work);
  }

  private async pass(key: string, work: Work): Promise<void> {
    // A pass begins in the next turn of the event loop, so that a burst of events is one pass.
    await setImmediate();
    await this.turn(work, this.rate?.take(key) ?? 0);
    const giveBack = await this.places.take();
    const impatience = setTimeout(giveBack, longPass);
    const waiting = work.waiting.splice(0);
    work.dirty = false;
    try {
      await this.reconcile(key);
      work.failures = 0;
    } catch (error) {
      this.failed(key, work, error);
    }
    clearTimeout(impatience);
    giveBack();
    work.running = undefined;
    for (const resolve of waiting) resolve();
    this.next(key, work);
  }

  /** What happens while it is waited for is of the same pass. */
  private async turn(work: Work, ms: number): Promise<void> {
    if (ms === 0 || this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      work.begin = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    work.begin = undefined;
  }

  private failed(key: string, work: Work, error: unknown): void {
    const wait = Math.min(firstRetry * 2 ** work.failures, longestRetry);
    work.failures += 1;
    this.log.error({ event: `${this.name}-failed`, key, retryMs: wait, err: error }, `${this.name} of ${key} failed: ${messageOf(error)}`);
    if (this.stopped) return;
    work.retry = setTimeout(() => {
      work.retry = undefined;
      this.enqueue(key);
    }, wait);
  }

  private next(key: string, work: Work): void {
    if (work.waiting.length > 0 || (work.dirty && work.retry === undefined)) this.run(key, work);
    else if (work.retry === undefined) this.works.delete(key);
  }
}

/** A number of places, given out in the order in which they were asked for. */
class Places {
  private readonly queue: (() => void)[] = [];
  constructor(private free: number) {}

  /** Returns what gives the place back; only its first call counts. */
  async take(): Promise<() => void> {
    if (this.free === 0) await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.free -= 1;
    let taken = true;
    return () => {
      if (taken) this.giveBack();
      taken = false;
    };
  }

  private giveBack(): void {
    const next = this.queue.shift();
    if (next) next();
    else this.free += 1;
  }
}
