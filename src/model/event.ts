/** The kinds of objects that events are about. */
export const eventKinds = ['tenant', 'network', 'service', 'endpoint', 'host'] as const;
export type EventKind = (typeof eventKinds)[number];

/** Which object an event is about. */
export interface EventSubject {
  readonly kind: EventKind;
  /** Absent for hosts. */
  readonly tenant?: string;
  readonly name: string;
}

/** Something that happened to an object, for people to read; nothing is decided from it. */
export interface ObjectEvent extends EventSubject {
  /** Rises by one from event to event, for as long as netctld runs. */
  readonly sequence: number;
  /** When it happened for the first and the last time, milliseconds since the epoch. */
  readonly first: number;
  readonly last: number;
  /** How often it happened in a row. */
  readonly count: number;
  readonly type: 'normal' | 'warning';
  /** One word for programs, as Kubernetes has them: `ProviderAdded`. */
  readonly reason: string;
  /** A sentence, in the style of error messages. */
  readonly message: string;
}
