import { z } from 'zod';
import { ask, DockerRefusal, type DockerClient } from './client.js';
import { decodeInspect, decodeSummary, type Inspected } from './decode.js';

/** How long Docker may take to list or to inspect, in milliseconds. Inspect waits for a container that is just being started. */
const readTimeoutMs = 10_000;

/** How far back events are asked for, in milliseconds: who was sent his stop signal within this time may still be at it. */
const lookBackMs = 600_000;

const listed = z.array(z.looseObject({ Id: z.string() }));

/** All containers, running or not, by id, with what the list says of each. */
export async function listContainers(client: DockerClient): Promise<Map<string, () => Inspected>> {
  const answer: unknown = await ask(client, 'list the containers', readTimeoutMs, (abortSignal) => client.api.listContainers({ all: true, abortSignal }));
  return new Map(listed.parse(answer).map((entry) => [entry.Id, () => decodeSummary(entry)]));
}

/** Undefined if there is no such container. */
export async function inspectContainer(client: DockerClient, id: string): Promise<Inspected | undefined> {
  try {
    const answer: unknown = await ask(client, `inspect the container ${id}`, readTimeoutMs, (abortSignal) => client.api.getContainer(id).inspect({ abortSignal }));
    return decodeInspect(answer);
  } catch (error) {
    if (error instanceof DockerRefusal && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * The stream of events, one JSON text per line: those of the last minutes, as far as Docker still has them
 * (the last 256 since it started), and then all that follow. Docker has subscribed us when this resolves.
 */
export function openEvents(client: DockerClient, nowMs: number): Promise<NodeJS.ReadableStream> {
  const since = Math.floor((nowMs - lookBackMs) / 1000);
  return ask(client, 'open the stream of events', readTimeoutMs, (abortSignal) =>
    client.api.getEvents({ since, filters: { type: ['container', 'network'] }, abortSignal }),
  );
}
