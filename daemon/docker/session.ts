import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import type { Container } from '../../src/model/container.js';
import { messageOf } from '../../src/model/errors.js';
import type { Logger } from '../control/logger.js';
import type { DockerClient } from './client.js';
import { findListed, inspectContainer, listContainers, openEvents } from './containers.js';
import { driver } from './engine.js';
import { decodeEvent, type DockerEvent, type Inspected } from './decode.js';
import { Lookups } from './lookups.js';
import type { ContainerListener } from './port.js';
import { ProcessEnds } from './process-ends.js';
import { drainEnd, end, isWorthAsking, type Known, learn, nothingKnown, observe, view } from './reduce.js';
import { Timers } from './timers.js';

/** dockerode's type leaves out what every stream of Node has. */
type EventStream = NodeJS.ReadableStream & { destroy?: () => void };

export interface SessionOptions {
  readonly docker: DockerClient;
  readonly listener: Pick<ContainerListener, 'connected' | 'changed' | 'removed' | 'networkMade'>;
  readonly logger: Logger;
  readonly now: () => number;
  readonly pace: Pace;
}

/** Times in milliseconds. */
export interface Pace {
  /** How often all containers are looked at anew, should an event ever have been lost. */
  readonly relistMs: number;
  /** When Docker is asked again about a container that it could not inspect, and after an event that was not understood. */
  readonly retryMs: number;
}

export const usualPace: Pace = { relistMs: 300_000, retryMs: 5000 };

/**
 * One connection to Docker's events and what is learned over it. Subscribes first, lists then, so
 * that nothing can happen between the two unseen; tells all containers at once when the last of
 * the list is known, and from then on each change.
 */
export class Session {
  private readonly known = new Map<string, Known>();
  private readonly told = new Map<string, Container>();
  private readonly timers = new Timers();
  private readonly lookups = new Lookups((id) => this.lookUp(id));
  private readonly ends = new ProcessEnds((id, pid) => this.noticeEnd(id, pid));
  /** Containers of the first list that are not known yet; undefined before the list. */
  private missing: Set<string> | undefined;
  private stream: EventStream | undefined;
  /** Grows with each event and each question. */
  private order = 0;
  private isConnected = false;
  private reason: string | undefined;
  private finish: () => void = () => undefined;
  private readonly finished = new Promise<void>((resolve) => (this.finish = resolve));
  private readonly abort = new AbortController();
  private readonly docker: DockerClient;

  constructor(private readonly options: SessionOptions) {
    this.docker = { ...options.docker, cancel: this.abort.signal };
  }

  /** Whether the listener was told of all containers. */
  get connected(): boolean {
    return this.isConnected;
  }

  /** Runs until the connection is lost or `end` is called; resolves with the reason. The listener hears nothing afterwards. */
  async run(): Promise<string> {
    this.begin().catch((error: unknown) => this.end(messageOf(error)));
    await this.finished;
    return this.reason ?? '';
  }

  /** Ends the session; the first reason counts. */
  end(reason: string): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.lookups.stop();
    this.timers.clear();
    this.ends.close();
    this.stream?.destroy?.();
    this.abort.abort();
    this.finish();
  }

  private async begin(): Promise<void> {
    const stream: EventStream = await openEvents(this.docker, this.options.now());
    this.follow(stream);
    await this.list();
    if (this.reason !== undefined) return;
    this.timers.set('relist', this.options.pace.relistMs, () => void this.relist());
    this.lookups.start();
    this.connectIfComplete();
  }

  private follow(stream: EventStream): void {
    this.stream = stream;
    if (this.reason !== undefined) return void stream.destroy?.();
    const lost = 'Docker closed the stream of events';
    const lines = createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => this.take(line));
    // The interface passes the stream's errors on, and an error that nobody listens to ends the process.
    for (const source of [stream, lines]) source.on('error', (error: Error) => this.end(`${lost}: ${error.message}`));
    for (const event of ['end', 'close']) stream.on(event, () => this.end(lost));
  }

  private take(line: string): void {
    if (this.reason !== undefined || line.trim() === '') return;
    try {
      const event = decodeEvent(JSON.parse(line));
      if (event && 'madeByDriver' in event) this.noticeNetwork(event.madeByDriver);
      else if (event && isWorthAsking(event)) this.observe(event);
    } catch (error) {
      // Half a line is what a broken connection leaves; a whole one may have said something: look at everything.
      this.options.logger.warn({ event: 'docker-event-not-understood', line, err: error }, 'Docker sent an event that is not understood');
      if (!this.timers.has('look at all')) this.timers.set('look at all', this.options.pace.retryMs, () => void this.relist());
    }
  }

  /** Before the listener is connected there is nothing to tell: it looks at all networks then. */
  private noticeNetwork(madeBy: string): void {
    if (madeBy === driver && this.isConnected) this.safely(() => this.options.listener.networkMade());
  }

  private observe(event: DockerEvent): void {
    const id = event.containerId;
    this.order += 1;
    this.known.set(id, observe(this.known.get(id) ?? nothingKnown, event, this.order));
    this.lookups.add(id);
    this.tell(id);
  }

  /** Docker takes some 30 ms from here to its event, in which connections would still be sent to nobody. */
  private noticeEnd(id: string, pid: number): void {
    const known = this.known.get(id);
    if (!known) return;
    this.known.set(id, end(known, pid));
    this.tell(id);
  }

  private async list(): Promise<void> {
    this.order += 1;
    const [order, askedAtMs] = [this.order, this.options.now()];
    const listed = await listContainers(this.docker);
    this.missing ??= new Set([...listed].flatMap(([id, summary]) => (summary && this.learnAtFirst(id, summary, order, askedAtMs) ? [] : [id])));
    // Each once: who is added while his question is under way is asked about once more.
    for (const id of new Set([...listed.keys(), ...this.known.keys()])) this.lookups.add(id);
  }

  /**
   * What the first list says will do to begin with, so that nobody waits until hundreds of containers have been
   * inspected. But of a container that was sent a signal the list does not tell whether this is its end.
   */
  private learnAtFirst(id: string, summary: Inspected, order: number, askedAtMs: number): boolean {
    const known = this.known.get(id) ?? nothingKnown;
    if (known.kills.size > 0) return false;
    this.known.set(id, learn(known, summary, order, askedAtMs));
    return true;
  }

  private async relist(): Promise<void> {
    try {
      await this.list();
      if (this.reason === undefined) this.timers.set('relist', this.options.pace.relistMs, () => void this.relist());
    } catch (error) {
      this.end(messageOf(error));
    }
  }

  private async lookUp(id: string): Promise<void> {
    try {
      await this.learnBy(id, () => inspectContainer(this.docker, id));
    } catch (error) {
      if (this.reason !== undefined) return;
      // Docker has been seen to hang on one container for ever; the others must not suffer from it.
      this.options.logger.warn({ event: 'container-not-inspected', container: id, err: error }, `container ${id} could not be inspected: ${messageOf(error)}`);
      this.timers.set(`retry ${id}`, this.options.pace.retryMs, () => this.lookups.add(id));
      await this.learnFromList(id);
    }
    if (this.reason !== undefined) return;
    this.tell(id);
    this.missing?.delete(id);
    this.connectIfComplete();
  }

  /** The next best: it says less, but what it says is of now. If even that fails, what was known stays. */
  private async learnFromList(id: string): Promise<void> {
    try {
      await this.learnBy(id, async () => {
        const listed = await findListed(this.docker, id);
        return listed && completed(listed, this.known.get(id)?.inspected);
      });
    } catch (error) {
      if (this.reason !== undefined) return;
      this.options.logger.error({ event: 'container-not-listed', container: id, err: error }, `Docker's list does not tell of container ${id} either: ${messageOf(error)}`);
    }
  }

  /** @param ask answers undefined if there is no such container. */
  private async learnBy(id: string, ask: () => Promise<Inspected | undefined>): Promise<void> {
    this.order += 1;
    const order = this.order;
    const askedAtMs = this.options.now();
    const answer = await ask();
    if (this.reason !== undefined) return;
    if (!answer) return this.forget(id);
    this.known.set(id, learn(this.known.get(id) ?? nothingKnown, answer, order, askedAtMs));
    this.ends.watch(id, answer.pid);
  }

  private connectIfComplete(): void {
    if (this.isConnected || this.reason !== undefined || this.missing?.size !== 0) return;
    this.isConnected = true;
    for (const [id, known] of this.known) {
      const container = view(known, this.options.now());
      if (container) this.told.set(id, container);
    }
    this.safely(() => this.options.listener.connected([...this.told.values()]));
  }

  /** Tells of the container, if there is anything new to tell, and comes back when its drain ends. */
  private tell(id: string): void {
    const now = this.options.now();
    const known = this.known.get(id);
    const container = known && view(known, now);
    if (!container) return;
    this.awaitDrain(id, drainEnd(known, now), now);
    if (!this.isConnected || isDeepStrictEqual(container, this.told.get(id))) return;
    this.told.set(id, container);
    this.safely(() => this.options.listener.changed(container));
  }

  private awaitDrain(id: string, endMs: number | undefined, now: number): void {
    if (endMs === undefined) this.timers.clear(`drain ${id}`);
    else this.timers.set(`drain ${id}`, endMs - now, () => this.lookups.add(id));
  }

  private forget(id: string): void {
    this.known.delete(id);
    this.ends.watch(id, undefined);
    for (const what of ['drain', 'retry']) this.timers.clear(`${what} ${id}`);
    if (this.told.delete(id)) this.safely(() => this.options.listener.removed(id));
  }

  /** A listener that throws is a bug of its own; the next container has no part in it. */
  private safely(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.options.logger.error({ event: 'bug', err: error }, `a listener of containers failed: ${messageOf(error)}`);
    }
  }
}

/** With what only inspect tells, as far as it was told before. */
function completed(listed: Inspected, before: Inspected | undefined): Inspected {
  return { ...(before ?? listed), container: listed.container };
}
