import { z } from 'zod';
import { ask, DockerRefusal, type DockerClient } from './client.js';
import { decodeInspect, decodeSummary, type Inspected } from './decode.js';

/** How long Docker may take to list or to inspect, in milliseconds. Inspect waits for a container that is just being started. */
const readTimeoutMs = 10_000;

/** How far back events are asked for, in milliseconds: who was sent his stop signal within this time may still be at it. */
const lookBackMs = 600_000;

const listed = z.array(z.looseObject({ Id: z.string() }));

/** All containers, running or not, by their ids, with what Docker's list says of each; undefined if that is not understood. */
export async function listContainers(client: DockerClient): Promise<Map<string, Inspected | undefined>> {
  return new Map((await list(client)).map((entry) => [entry.Id, summaryOf(entry)]));
}

/** Whoever cannot be understood here is asked about, and what is wrong told then. */
function summaryOf(entry: unknown): Inspected | undefined {
  try {
    return decodeSummary(entry);
  } catch {
    return undefined;
  }
}

/**
 * What Docker's list says of one container, undefined if it is not there. Docker makes the list without
 * waiting for anything that is being done to containers, so it answers where inspect hangs.
 */
export async function findListed(client: DockerClient, id: string): Promise<Inspected | undefined> {
  const entry = (await list(client, { id: [id] })).find(({ Id }) => Id === id);
  return entry && decodeSummary(entry);
}

async function list(client: DockerClient, filters: Record<string, string[]> = {}): Promise<z.output<typeof listed>> {
  const answer: unknown = await ask(client, 'list the containers', readTimeoutMs, (abortSignal) => client.api.listContainers({ all: true, filters, abortSignal }));
  return listed.parse(answer);
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
