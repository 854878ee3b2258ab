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
  /** By their sequence numbers, and so in the order in which they happened last. */
  private readonly events = new Map<number, ObjectEvent>();
  /** The last one of each subject that is remembered: there may be thousands of both. */
  private readonly latest = new Map<string, ObjectEvent>();
  private readonly listeners = new Set<(event: ObjectEvent) => void>();
  private sequence = 0;

  /** @param now milliseconds since the epoch */
  constructor(private readonly now: () => number) {}

  record(happening: Happening): void {
    const at = this.now();
    const before = this.latest.get(subjectKey(happening));
    const repeated = before?.reason === happening.reason && before.message === happening.message ? before : undefined;
    if (repeated) this.events.delete(repeated.sequence);
    const event: ObjectEvent = { ...happening, sequence: ++this.sequence, first: repeated?.first ?? at, last: at, count: (repeated?.count ?? 0) + 1 };
    this.events.set(event.sequence, event);
    this.latest.set(subjectKey(event), event);
    if (this.events.size > mostEvents) this.forgetOldest();
    for (const listener of this.listeners) listener(event);
  }

  /** In the order in which they happened last. */
  list(): readonly ObjectEvent[] {
    return [...this.events.values()];
  }

  of(subject: EventSubject): ObjectEvent[] {
    const key = subjectKey(subject);
    return this.list().filter((event) => subjectKey(event) === key);
  }

  /** Tells of every further event until the returned function is called. */
  follow(listener: (event: ObjectEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private forgetOldest(): void {
    const [oldest] = this.events.values();
    if (!oldest) return;
    this.events.delete(oldest.sequence);
    if (this.latest.get(subjectKey(oldest)) === oldest) this.latest.delete(subjectKey(oldest));
  }
}

/** No name has a slash. */
function subjectKey({ kind, tenant = '', name }: EventSubject): string {
  return `${kind}/${tenant}/${name}`;
}
