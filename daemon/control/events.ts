import type { EventSubject, ObjectEvent } from '../../src/model/event.js';

/** What is told of an event; the rest is counted by {@link Events}. */
export type Happening = EventSubject & Pick<ObjectEvent, 'type' | 'reason' | 'message'>;

/** How many events are remembered; older ones are in the log only. */
const mostEvents = 2000;

/**
 * What happened to objects, for people to read. In memory only: after a restart the log has the rest.
 * The same thing happening again in a row is one event with a count.
 */
export class Events {
  private readonly events: ObjectEvent[] = [];
  private readonly listeners = new Set<(event: ObjectEvent) => void>();
  private sequence = 0;

  /** @param now milliseconds since the epoch */
  constructor(private readonly now: () => number) {}

  record(happening: Happening): void {
    const at = this.now();
    const before = this.events.findLast((event) => isSameSubject(event, happening));
    const repeated = before?.reason === happening.reason && before.message === happening.message ? before : undefined;
    if (repeated) this.events.splice(this.events.indexOf(repeated), 1);
    const event: ObjectEvent = { ...happening, sequence: ++this.sequence, first: repeated?.first ?? at, last: at, count: (repeated?.count ?? 0) + 1 };
    this.events.push(event);
    if (this.events.length > mostEvents) this.events.shift();
    for (const listener of this.listeners) listener(event);
  }

  /** In the order in which they happened last. */
  list(): readonly ObjectEvent[] {
    return [...this.events];
  }

  of(subject: EventSubject): ObjectEvent[] {
    return this.events.filter((event) => isSameSubject(event, subject));
  }

  /** Tells of every further event until the returned function is called. */
  follow(listener: (event: ObjectEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

function isSameSubject(a: EventSubject, b: EventSubject): boolean {
  return a.kind === b.kind && a.tenant === b.tenant && a.name === b.name;
}
