import { z } from 'zod';
import type { Container } from '../../src/model/container.js';
import { parseSignal, stopSignalOf } from './signals.js';

/** What Docker says of a container when asked: all but `stopping`, which it only tells in events. */
export interface Inspected {
  readonly container: Omit<Container, 'stopping'>;
  /** The number of the signal that begins its end. */
  readonly stopSignal: number;
  /** How long Docker lets it live after the stop signal, in milliseconds; infinite if for ever. */
  readonly stopTimeoutMs: number;
  /** When its process was last started, milliseconds since the epoch; 0 if never. */
  readonly startedAtMs: number;
  /** The number of its main process, as Docker sees it; absent if it has none, or if that was not said. */
  readonly pid?: number;
}

/** An event that says something of a container. */
export interface DockerEvent {
  readonly containerId: string;
  /** A container event's action, as Docker names it (`kill`, `die`, `health_status: healthy`), or `network connect` and `network disconnect`. */
  readonly action: string;
  /** The number of the signal, of `kill` only. */
  readonly signal?: number;
  /** When it happened, milliseconds since the epoch. */
  readonly timeMs: number;
}

/** Docker made a network of this driver. */
export interface NetworkEvent {
  readonly madeByDriver: string;
}

/** Docker's default for `--stop-timeout`, in seconds. */
const defaultStopTimeout = 10;

const states = z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']);
const labels = z.record(z.string(), z.string()).nullish();
const networkSettings = z.object({ Networks: z.record(z.string(), z.object({ NetworkID: z.string(), EndpointID: z.string() })).nullish() }).nullish();

const inspectAnswer = z.object({
  Id: z.string(),
  Name: z.string(),
  Config: z.object({ Labels: labels, StopSignal: z.string().optional(), StopTimeout: z.number().nullish() }),
  State: z.object({ Status: states, Pid: z.number().optional(), StartedAt: z.string(), Health: z.object({ Status: z.string() }).nullish() }),
  NetworkSettings: networkSettings,
});

const summary = z.object({
  Id: z.string(),
  Names: z.array(z.string()).nullish(),
  Labels: labels,
  State: states,
  Status: z.string(),
  NetworkSettings: networkSettings,
});

const event = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
  time: z.number(),
  timeNano: z.number().optional(),
});

/** @throws ZodError if it is not what `GET /containers/ID/json` answers. */
export function decodeInspect(answer: unknown): Inspected {
  const { Id, Name, Config, State, NetworkSettings } = inspectAnswer.parse(answer);
  const stopTimeout = Config.StopTimeout ?? defaultStopTimeout;
  return {
    container: {
      id: Id,
      name: withoutSlash(Name),
      labels: Config.Labels ?? {},
      state: State.Status,
      health: healthOf(State.Health?.Status),
      attachments: attachmentsOf(NetworkSettings),
    },
    stopSignal: stopSignalOf(Config.StopSignal),
    stopTimeoutMs: stopTimeout < 0 ? Infinity : stopTimeout * 1000,
    startedAtMs: startOf(State.StartedAt),
    ...(State.Pid ? { pid: State.Pid } : {}),
  };
}

/**
 * One entry of `GET /containers/json`: less than inspect says, for a container that Docker cannot
 * inspect just now. Its stop signal and time-out are taken to be Docker's defaults.
 * @throws ZodError
 */
export function decodeSummary(entry: unknown): Inspected {
  const { Id, Names, Labels, State, Status, NetworkSettings } = summary.parse(entry);
  // Docker writes the health into the text for people: "Up 2 minutes (health: starting)".
  const health = /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(Status)?.[1];
  return {
    container: { id: Id, name: withoutSlash(Names?.[0] ?? ''), labels: Labels ?? {}, state: State, health: healthOf(health), attachments: attachmentsOf(NetworkSettings) },
    stopSignal: stopSignalOf(undefined),
    stopTimeoutMs: defaultStopTimeout * 1000,
    startedAtMs: 0,
  };
}

/**
 * One line of `GET /events`; undefined if it says nothing of a container, nor of a new network.
 * @throws ZodError if it is not an event.
 */
export function decodeEvent(line: unknown): DockerEvent | NetworkEvent | undefined {
  const { Type, Action, Actor, time, timeNano } = event.parse(line);
  const timeMs = timeNano === undefined ? time * 1000 : timeNano / 1e6;
  if (Type === 'network' && Action === 'create') return { madeByDriver: Actor.Attributes?.['type'] ?? '' };
  if (Type === 'network') {
    const containerId = Actor.Attributes?.['container'];
    return containerId ? { containerId, action: `network ${Action}`, timeMs } : undefined;
  }
  if (Type !== 'container') return undefined;
  const signal = Action === 'kill' ? parseSignal(Actor.Attributes?.['signal'] ?? '') : undefined;
  return { containerId: Actor.ID, action: Action, timeMs, ...(signal !== undefined && { signal }) };
}

function healthOf(status: string | undefined): Container['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : 'none';
}

function attachmentsOf(settings: z.output<typeof networkSettings>): Container['attachments'] {
  return Object.entries(settings?.Networks ?? {}).map(([networkName, { NetworkID, EndpointID }]) => ({ networkName, networkId: NetworkID, endpointId: EndpointID }));
}

function withoutSlash(name: string): string {
  return name.replace(/^\//, '');
}

/** Docker writes nanoseconds, and year 1 for a container that never ran. */
function startOf(text: string): number {
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? 0 : ms;
}
