import type { Container } from '../../src/model/container.js';
import type { DockerEvent, Inspected } from './decode.js';
import { drainEndsAt, type Kills, killsAfter, withKill } from './drain.js';

/**
 * What is known of one container: what Docker last answered, and what events have said that the
 * answer may not show. Answers are the truth; an event is only ever the first sign of what the next
 * answer will say.
 */
export interface Known {
  /** Absent until the first answer. */
  readonly inspected?: Inspected;
  /** When Docker was asked for it, milliseconds since the epoch. */
  readonly askedAtMs: number;
  readonly kills: Kills;
  /** Its process ended or was frozen after Docker was asked. */
  readonly sign?: { readonly state: 'exited' | 'paused'; readonly order: number; readonly timeMs: number };
  /** When the process was started of which the kernel has said that it is no more. Docker learns of it later, and until then answers that it runs. */
  readonly endedStartMs?: number;
}

export const nothingKnown: Known = { askedAtMs: 0, kills: new Map() };

/** Whether the event can mean that Docker would now answer otherwise. Commands run inside a container (health checks every few seconds) are not. */
export function isWorthAsking(event: DockerEvent): boolean {
  return !/^(exec_|attach$|detach$|top$|resize$|export$|archive-path$|extract-to-dir$|copy$|commit$)/.test(event.action);
}

/**
 * Takes an event in.
 * @param order grows with each event and each question: tells which came first here, which is
 *   what counts; clocks may be set while events are under way.
 */
export function observe(known: Known, event: DockerEvent, order: number): Known {
  if (event.action === 'kill' && event.signal !== undefined) return { ...known, kills: withKill(known.kills, event.signal, event.timeMs) };
  // Whatever was sent to the process that died, or to the one before this start, is over.
  const kills = event.action === 'die' || event.action === 'start' ? killsAfter(known.kills, event.timeMs) : known.kills;
  const state = event.action === 'die' ? 'exited' : event.action === 'pause' ? 'paused' : undefined;
  // An event from before the question, as they come after a reconnect: the answer knew of it and of what followed.
  if (state === undefined || event.timeMs < known.askedAtMs) return { ...known, kills };
  return { ...known, kills, sign: { state, order, timeMs: event.timeMs } };
}

/** The kernel says that all processes of the container have ended, of which this one was the first. */
export function end(known: Known, pid: number): Known {
  const { inspected } = known;
  return inspected?.pid === pid ? { ...known, endedStartMs: inspected.startedAtMs } : known;
}

/** Takes an answer in. `order` and `askedAtMs` are of the moment when Docker was asked: later signs are not answered by it. */
export function learn(known: Known, inspected: Inspected, order: number, askedAtMs: number): Known {
  // A process that was started after a kill is not the one that was killed.
  const kills = killsAfter(known.kills, inspected.startedAtMs);
  const { sign, ...rest } = known;
  // The events that Docker repeats after a reconnect may arrive after the question and still be from before it.
  const isLater = sign !== undefined && sign.order > order && sign.timeMs >= askedAtMs;
  return { ...rest, inspected, askedAtMs, kills, ...(isLater && { sign }) };
}

/** When the container stops draining although nothing happens to it; undefined if it does not drain. */
export function drainEnd(known: Known, nowMs: number): number | undefined {
  return known.inspected && drainEndsAt(known.inspected, stateOf(known.inspected, known), known.kills, nowMs);
}

/** The container as it is now, to the best of our knowledge; undefined before the first answer. */
export function view(known: Known, nowMs: number): Container | undefined {
  if (!known.inspected) return undefined;
  return { ...known.inspected.container, state: stateOf(known.inspected, known), stopping: drainEnd(known, nowMs) !== undefined };
}

/** A sign makes a running container worse, never better: a dead one does not pause. */
function stateOf({ container: { state }, startedAtMs }: Inspected, { sign, endedStartMs }: Known): Container['state'] {
  if (state !== 'running' && state !== 'paused') return state;
  return endedStartMs === startedAtMs ? 'exited' : (sign?.state ?? state);
}
